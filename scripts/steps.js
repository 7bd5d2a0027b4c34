import { run } from "./run.js";

/** @typedef {{ passed: number, failed: number }} Tally */

/** Each has its own world: what runs on Bun, what must run without it, what runs in a browser, and its tests, on both. */
const compilerSettings = ["tsconfig.json", "client/tsconfig.json", "web/tsconfig.json", "web/tsconfig.test.json"];

/** @returns {Promise<Tally>} */
export async function checkStyle() {
  return checked("format and lint", ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."]);
}

/** @returns {Promise<Tally>} */
export async function checkTypes() {
  let failed = 0;
  for (const settings of compilerSettings) {
    const tally = await checked(`types of ${settings}`, [
      "node_modules/typescript/bin/tsc",
      "--noEmit",
      "-p",
      settings,
    ]);
    failed += tally.failed;
  }
  return { passed: 0, failed };
}

/**
 * Runs `bun test` and counts what it says. A runner that ends without its summary has crashed, whatever its exit code:
 * a test that calls process.exit(0) ends it as if all were well.
 *
 * @param {string} bun
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, limitMs: number }} options after `limitMs` the run is ended, and has failed
 * @returns {Promise<Tally>}
 */
export async function runTests(bun, args, { env = {}, limitMs }) {
  // --no-orphans: a run that is ended takes the servers that its tests started with it.
  const options = ["--no-env-file", "--no-orphans", "test", ...args];
  const { code, output } = await run(bun, options, { env, limitMs, listen: true });
  const { passed, failed, isComplete } = summaryOf(output);
  if (!isComplete) {
    console.error(`The test run ended without its summary (${code === undefined ? "killed" : `exit code ${code}`}).`);
    return { passed, failed: failed + 1 };
  }
  return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
}

/**
 * Prints the sum as the last line.
 *
 * @param {readonly Tally[]} tallies
 * @returns {number} the exit code
 */
export function report(tallies) {
  const passed = tallies.reduce((sum, it) => sum + it.passed, 0);
  const failed = tallies.reduce((sum, it) => sum + it.failed, 0);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/**
 * Reads ` 12 pass`, ` 1 fail` and `Ran 13 tests across 2 files.`, as they stand at the end of Bun's output.
 *
 * @param {string} output
 */
function summaryOf(output) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape character begins a terminal's colour.
  const lines = output.replaceAll(/\u001b\[[\d;]*m/g, "");
  const end = lines.lastIndexOf("\nRan ");
  const summary = end < 0 ? lines : lines.slice(lines.lastIndexOf("\n\n", end), end);
  /** @param {string} word */
  const count = (word) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(summary)?.[1] ?? 0);
  return { passed: count("pass"), failed: count("fail"), isComplete: end >= 0 };
}

/**
 * @param {string} name
 * @param {readonly string[]} command a script for Node, and its arguments
 * @returns {Promise<Tally>}
 */
async function checked(name, command) {
  const { code } = await run(process.execPath, command);
  if (code === 0) return { passed: 0, failed: 0 };
  console.error(`Failed: ${name}`);
  return { passed: 0, failed: 1 };
}
