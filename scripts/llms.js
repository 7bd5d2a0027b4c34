import { readFileSync, writeFileSync } from "node:fs";

const page = "docs/llms.txt";

/** Writes docs/llms.txt from docs/README.md. A test fails if it is out of date. */
export function writeLlmsText() {
  const { description } = JSON.parse(readFileSync("package.json", "utf8"));
  writeFileSync(page, llmsText(readFileSync("docs/README.md", "utf8"), description));
}

/**
 * The list of all pages for language models, in the format of https://llmstxt.org: the sections of the index, with one line per
 * page. Links are relative, because the documentation has no address of its own.
 *
 * @param {string} index the Markdown of docs/README.md
 * @param {string} description what Fanfare is, in a sentence
 * @returns {string}
 * @throws {Error} for a page without a description
 */
export function llmsText(index, description) {
  const lines = ["# Fanfare", "", `> ${description}`, "", about];
  const seen = new Set();
  for (const line of index.split("\n")) {
    if (line.startsWith("## ")) lines.push("", line, "");
    for (const { title, path, what } of pagesIn(line)) {
      if (seen.has(path)) continue;
      seen.add(path);
      if (what === "") throw new Error(`docs/README.md: expected a description of ${path} in its line, got "${line}"`);
      lines.push(`- [${title}](${path}): ${what}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

const about =
  "Every page is Markdown. A running server describes its own version at /openapi.json (HTTP) and /asyncapi.json (frames).";

/**
 * The pages that a line of the index lists: `1. [Title](page.md): what it is` or `| [Title](page.md) | what it is |`. Pages outside
 * of docs/ are left out.
 *
 * @param {string} line
 */
function pagesIn(line) {
  const [, cell, text] = /^\| (.*?) \| (.*) \|$/.exec(line) ?? /^\d+\. (.*?\)): (.*)$/.exec(line) ?? [];
  const links = [...(cell ?? line).matchAll(/\[([^\]]+)\]\(((?!\.\.)[^)\s:]+\.md)\)/g)];
  return links.map(([, title = "", path = ""]) => ({ title, path, what: text?.trim() ?? "" }));
}
