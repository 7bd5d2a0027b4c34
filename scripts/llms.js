import { readFileSync, writeFileSync } from "node:fs";
import { sectionsOf } from "./docs-index.js";

/** Writes docs/llms.txt from docs/README.md. A test fails if it is out of date. */
export function writeLlmsText() {
  const { description } = JSON.parse(readFileSync("package.json", "utf8"));
  writeFileSync("docs/llms.txt", llmsText(readFileSync("docs/README.md", "utf8"), description));
}

/**
 * The list of all pages for language models, in the format of https://llmstxt.org: the sections of the index, with one line per
 * page. Links are relative, because the documentation has no address of its own.
 *
 * @param {string} index the Markdown of docs/README.md
 * @param {string} description what Fanfare is, in a sentence
 * @returns {string}
 */
export function llmsText(index, description) {
  const sections = sectionsOf(index).map(({ title, pages }) => {
    const lines = pages.map((page) => `- [${page.title}](${page.path}): ${page.what}`);
    return `## ${title}\n\n${lines.join("\n")}\n`;
  });
  return [`# Fanfare\n\n> ${description}\n\n${about}\n`, ...sections].join("\n");
}

const about =
  "Every page is Markdown. A running server describes its own version at /openapi.json (HTTP) and /asyncapi.json (frames).";
