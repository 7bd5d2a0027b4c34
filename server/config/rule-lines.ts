import { createRequire } from "node:module";

/** The parser is loaded when a file has rules, see parse-config-text.ts. */
const require = createRequire(import.meta.url);

/**
 * The lines, from 1, on which the entries of `channels` begin in a settings file. Empty if they cannot be told, such as for an
 * inline list in TOML.
 * @param text a file that has been parsed without an error
 */
export function ruleLines(path: string, text: string): readonly number[] {
  return path.endsWith(".toml") ? tomlLines(text) : yamlLines(text);
}

/** JSON is a subset of YAML. */
function yamlLines(text: string): readonly number[] {
  const { isSeq, LineCounter, parseDocument }: typeof import("yaml") = require("yaml");
  const lineCounter = new LineCounter();
  const list = parseDocument(text, { lineCounter }).get("channels", true);
  if (!isSeq(list)) return [];
  return list.items.map((item) => {
    const range = typeof item === "object" && item !== null && "range" in item ? item.range : undefined;
    return Array.isArray(range) ? lineCounter.linePos(Number(range[0])).line : 0;
  });
}

function tomlLines(text: string): readonly number[] {
  return text.split("\n").flatMap((line, index) => (/^\s*\[\[\s*channels\s*\]\]/.test(line) ? [index + 1] : []));
}
