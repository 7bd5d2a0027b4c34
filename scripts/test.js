import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { installPackages, provideProgram, requireBun, runScript, SetupError } from "./setup.js";
import { checkStyle, checkTypes, report, runTests } from "./steps.js";

/** A test that needs a program of the machine imports the file that starts it: that is how it is known here. */
const programs = [
  { need: /** @type {const} */ ("redis"), importedAs: '/redis.ts"', variable: "FANFARE_REDIS_SERVER" },
  { need: /** @type {const} */ ("browser"), importedAs: '/browser.ts"', variable: "FANFARE_CHROMIUM" },
];

/**
 * `npm test` runs every check and test there is; `npm test -- server/hub` those whose path contains these words;
 * `--long` adds what takes minutes. The last line is always `N passed, N failed`.
 */
await runScript(async () => {
  const words = process.argv.slice(2);
  const isLong = words.includes("--long");
  const filters = words.filter((it) => it !== "--long");
  try {
    await installPackages({ forDevelopment: true });
    const env = { ...(await provideFor(filters)), ...(isLong ? { FANFARE_LONG: "1" } : {}) };
    const minutes = isLong ? 60 : 9;
    const perTestMs = isLong ? 600_000 : 30_000;
    const options = { env, limitMs: minutes * 60_000 };
    const checks = [await checkTypes(), await checkStyle()];
    return report([...checks, await runTests(requireBun(), [`--timeout=${perTestMs}`, ...filters], options)]);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return report([{ passed: 0, failed: 1 }]);
  }
});

/**
 * @param {readonly string[]} filters
 * @returns {Promise<NodeJS.ProcessEnv>} where the programs are that the chosen tests talk to
 */
async function provideFor(filters) {
  const texts = readdirSync("tests", { recursive: true, encoding: "utf8" })
    .map((it) => join("tests", it))
    .filter((it) => it.endsWith(".test.ts"))
    .filter((it) => filters.length === 0 || filters.some((word) => it.includes(word)))
    .map((it) => readFileSync(it, "utf8"));
  /** @type {NodeJS.ProcessEnv} */
  const env = {};
  for (const { need, importedAs, variable } of programs) {
    if (texts.some((it) => it.includes(importedAs))) env[variable] = await provideProgram(need);
  }
  return env;
}
