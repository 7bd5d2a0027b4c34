import { providePrograms, SetupError, testFiles } from "./programs.js";
import { installPackages, requireBun, runScript } from "./setup.js";
import { checkStyle, checkTypes, report, runTests, timeoutMs } from "./steps.js";

/**
 * `npm test` runs all checks and tests. `npm test -- server/hub` runs the tests whose path contains `server/hub`. `--long` adds
 * tests that take minutes. The last line is always `N passed, N failed, N skipped`.
 */
await runScript(async () => {
  const words = process.argv.slice(2);
  const isLong = words.includes("--long");
  const filters = words.filter((it) => it !== "--long");
  try {
    await installPackages({ forDevelopment: true });
    const env = { ...(await providePrograms(testFiles(filters))), ...(isLong ? { FANFARE_LONG: "1" } : {}) };
    const minutes = isLong ? 150 : 45;
    const perTestMs = isLong ? 600_000 : timeoutMs;
    const options = { env, limitMs: minutes * 60_000 };
    const checks = [await checkTypes(), await checkStyle()];
    return report([...checks, await runTests(requireBun(), [`--timeout=${perTestMs}`, ...filters], options)]);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(error.message);
    return report([{ passed: 0, failed: 1, skipped: [] }]);
  }
});
