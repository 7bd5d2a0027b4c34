import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "./run.js";
import { RunFolder } from "./run-folder.js";
import { casesOf, summaryOf, withoutExpectation } from "./summary.js";

/**
 * The names of skipped tests end with the reason. The problems are printed before the totals.
 *
 * @typedef {{ passed: number, failed: number, skipped: readonly string[], problems?: readonly string[] }} Tally
 */

/** Each has its own globals: code for Bun, code that must not need Bun, code for browsers, and tests of code for browsers. */
const compilerSettings = ["tsconfig.json", "client/tsconfig.json", "web/tsconfig.json", "web/tsconfig.test.json"];

/** Most tests wait for servers, timers and clients, so that one process per core would leave the cores idle half of the time. */
const testProcesses = 2 * availableParallelism();

/** How many concurrent tests of one file run at a time. Each may start several servers. */
const maxConcurrency = 5;

/** A test that takes longer hangs. Many times what the slowest test needs, so that none fails because the machine is busy. */
export const timeoutMs = 240_000;

/** Stores how long each test file took, so that the slowest ones start first in the next run. */
const timings = "node_modules/.cache/test-timings.json";

/** @returns {Promise<Tally>} */
export async function checkStyle() {
  return checked("format and lint", ["node_modules/@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."]);
}

/** @returns {Promise<Tally>} */
export async function checkTypes() {
  const tallies = compilerSettings.map((settings) =>
    checked(`types of ${settings}`, ["node_modules/typescript/bin/tsc", "--noEmit", "-p", settings]),
  );
  const all = await Promise.all(tallies);
  const failed = all.reduce((sum, it) => sum + it.failed, 0);
  return { passed: 0, failed, skipped: [], problems: all.flatMap((it) => it.problems ?? []) };
}

/**
 * Runs `bun test`, two processes per core, and counts the results. Besides failed tests, three things make a run fail:
 *
 * - The runner exits without its summary, whatever its exit code is. A test that calls process.exit(0) would otherwise
 *   look like a success.
 * - A test passes without checking anything. It could never fail.
 * - A test leaves a file, a folder or a process behind, which could disturb the next run.
 *
 * @param {string} bun
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, limitMs: number }} options after `limitMs` the run is killed, and counts as failed
 * @returns {Promise<Tally>}
 */
export async function runTests(bun, args, { env = {}, limitMs }) {
  const folder = new RunFolder();
  const report = join(folder.path, "report.xml");
  // --no-orphans: if the run is killed, the servers that its tests started are killed, too.
  const options = [
    "--no-env-file",
    "--no-orphans",
    "test",
    `--parallel=${testProcesses}`,
    `--max-concurrency=${maxConcurrency}`,
  ];
  const reporting = ["--reporter=junit", `--reporter-outfile=${report}`, `--timings=${timings}`, "--update-timings"];
  const { code, output } = await run(bun, [...options, ...reporting, ...args], {
    env: { ...env, TMPDIR: folder.path },
    limitMs,
    listen: true,
  });
  const { passed, failed, isComplete } = summaryOf(output);
  const cases = existsSync(report) ? casesOf(readFileSync(report, "utf8")) : [];
  const problems = isComplete
    ? []
    : [`The test run ended without a summary (exit code: ${code ?? "none, it was killed"}).`];
  for (const { file, line, name } of withoutExpectation(cases, (it) => readFileSync(it, "utf8"))) {
    problems.push(`${file}:${line}: "${name}" passed without checking anything. Add an expectation.`);
  }
  for (const it of await folder.close()) if (it !== "in TMPDIR: report.xml") problems.push(`Left behind: ${it}`);
  if (problems.length === 0 && code !== 0 && failed === 0) problems.push(`bun test exited with code ${code}.`);
  const skipped = cases
    .filter(({ outcome }) => outcome === "skipped")
    .map(({ file, suite, name }) => `${file}: ${suite === "" ? name : `${suite} > ${name}`}`);
  return { passed, failed: failed + problems.length, skipped, problems };
}

/**
 * Prints the problems, and which tests were skipped and why. The last line contains the totals.
 *
 * @param {readonly Tally[]} tallies
 * @returns {number} the exit code
 */
export function report(tallies) {
  const passed = tallies.reduce((sum, it) => sum + it.passed, 0);
  const failed = tallies.reduce((sum, it) => sum + it.failed, 0);
  const skipped = tallies.flatMap((it) => it.skipped);
  for (const it of tallies.flatMap(({ problems = [] }) => problems)) console.error(it);
  for (const it of skipped) console.log(`Skipped: ${it}`);
  console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
  return failed === 0 ? 0 : 1;
}

/**
 * @param {string} name
 * @param {readonly string[]} command a script for Node, and its arguments
 * @returns {Promise<Tally>}
 */
async function checked(name, command) {
  // Printed at the end, since tests run at the same time.
  const { code, output } = await run(process.execPath, command, { listen: true, isQuiet: true });
  if (code === 0) return { passed: 0, failed: 0, skipped: [] };
  return { passed: 0, failed: 1, skipped: [], problems: [`${output}Failed: ${name}`] };
}
