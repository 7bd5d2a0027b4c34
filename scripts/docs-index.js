/**
 * @typedef {object} Section A section of docs/README.md.
 * @property {string} title
 * @property {{ title: string, path: string, what: string }[]} pages paths are relative to docs/
 */

/**
 * Reads the index of the documentation. A line lists pages as `1. [Title](page.md): what it is` or
 * `| [Title](page.md) | what it is |`. Only the first line of a page counts, and pages outside of docs/ are left out.
 *
 * @param {string} index the Markdown of docs/README.md
 * @returns {Section[]}
 * @throws {Error} for a page without a description
 */
export function sectionsOf(index) {
  /** @type {Section[]} */
  const sections = [];
  const seen = new Set();
  for (const line of index.split("\n")) {
    if (line.startsWith("## ")) sections.push({ title: line.slice(3), pages: [] });
    for (const page of pagesIn(line)) {
      if (page.what === "") throw new Error(`docs/README.md: expected a description of ${page.path}, got "${line}"`);
      if (!seen.has(page.path)) sections.at(-1)?.pages.push(page);
      seen.add(page.path);
    }
  }
  return sections;
}

/** @param {string} line */
function pagesIn(line) {
  const [, cell, text = ""] = /^\| (.*?) \| (.*) \|$/.exec(line) ?? /^\d+\. (.*?\)): (.*)$/.exec(line) ?? [];
  const links = [...(cell ?? line).matchAll(/\[([^\]]+)\]\(((?!\.\.)[^)\s:]+\.md)\)/g)];
  return links.map(([, title = "", path = ""]) => ({ title, path, what: text.trim() }));
}
