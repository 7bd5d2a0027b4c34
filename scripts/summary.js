/**
 * Parses the summary at the end of the output of `bun test`: ` 12 pass`, ` 1 skip`, ` 1 fail` and
 * `Ran 14 tests across 2 files.`
 *
 * @param {string} output
 * @returns {{ passed: number, failed: number, isComplete: boolean }} `isComplete` is false if the runner crashed
 */
export function summaryOf(output) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: terminal colours begin with the escape character.
  const lines = output.replaceAll(/\u001b\[[\d;]*m/g, "");
  const end = lines.lastIndexOf("\nRan ");
  const summary = end < 0 ? lines : lines.slice(lines.lastIndexOf("\n\n", end), end);
  /** @param {string} word */
  const count = (word) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(summary)?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail"), isComplete: end >= 0 };
}

/**
 * @typedef {object} TestCase
 * @property {string} file
 * @property {number} line of its declaration; 0 if unknown
 * @property {string} name
 * @property {string} suite names of the `describe` blocks around it
 * @property {number} assertions the number of expectations it checked; 0 for concurrent tests, where Bun does not count them
 * @property {"passed" | "failed" | "skipped"} outcome
 */

/**
 * Parses the test cases in the report of `bun test --reporter=junit`.
 *
 * @param {string} xml
 * @returns {readonly TestCase[]}
 */
export function casesOf(xml) {
  /** @type {readonly TestCase[]} */
  const cases = [...xml.matchAll(/<testcase ([^>]*)>/g)].map(({ 0: tag, 1: text = "", index }) => {
    const start = index + tag.length;
    const inner = tag.endsWith("/>") ? "" : xml.slice(start, xml.indexOf("</testcase>", start));
    const attributes = new Map([...text.matchAll(/(\w+)="([^"]*)"/g)].map(([, key = "", value = ""]) => [key, value]));
    return {
      file: unescapeXml(attributes.get("file") ?? ""),
      line: Number(attributes.get("line") ?? 0),
      name: unescapeXml(attributes.get("name") ?? ""),
      suite: unescapeXml(attributes.get("classname") ?? ""),
      assertions: Number(attributes.get("assertions") ?? 0),
      outcome: inner.includes("<failure") ? "failed" : inner.includes("<skipped") ? "skipped" : "passed",
    };
  });
  // Bun also reports the hooks of a suite that is skipped.
  return cases.filter(({ name, outcome }) => outcome !== "skipped" || name !== "(unnamed)");
}

/**
 * Finds tests that passed without checking anything. They can never fail.
 *
 * @param {readonly TestCase[]} cases
 * @param {(file: string) => string} read returns the source of a file
 * @returns {readonly TestCase[]}
 */
export function withoutExpectation(cases, read) {
  return cases
    .filter(({ outcome, assertions }) => outcome === "passed" && assertions === 0)
    .filter(({ file, line }) => !isConcurrentAndExpects(read(file).split("\n"), line - 1));
}

/**
 * Whether a test is concurrent and its source contains an expectation, since Bun does not count those of concurrent tests.
 *
 * @param {readonly string[]} lines of a formatted file
 * @param {number} at the index of a line of its declaration, which is not always the first line if the test has a table
 */
function isConcurrentAndExpects(lines, at) {
  const indentOf = (/** @type {string} */ line) => /^ */.exec(line)?.[0].length ?? 0;
  const most = indentOf(lines[at] ?? "");
  const isStart = (/** @type {string} */ line) => /^ *(test|it)(\.\w+)*\(/.test(line) && indentOf(line) <= most;
  const start = lines.findLastIndex((it, index) => index <= at && isStart(it));
  const first = lines[start] ?? "";
  if (!/^ *(test|it)\.concurrent\b/.test(first)) return false;
  const isEnd = (/** @type {string} */ line) => /^ *[})].*;$/.test(line) && indentOf(line) === indentOf(first);
  const end = lines.findIndex((it, index) => index >= at && isEnd(it));
  return /\bexpect\b|\buntil\w*\(/.test(lines.slice(start, Math.max(end, at) + 1).join("\n"));
}

/** @param {string} text */
function unescapeXml(text) {
  /** @type {Record<string, string>} */
  const signs = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replaceAll(/&(#\d+|\w+);/g, (whole, name) =>
    name.startsWith("#") ? String.fromCodePoint(Number(name.slice(1))) : (signs[name] ?? whole),
  );
}
