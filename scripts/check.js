import { installPackages, requireBun, runScript } from "./setup.js";
import { checkStyle, checkTypes, report, runTests, timeoutMs } from "./steps.js";

const folders = [
  "deploy",
  "e2e",
  "faults",
  "fuzz",
  "ipc",
  "nodes",
  "packages",
  "redis",
  "roll",
  "simulation",
  "streams",
];
/** These tests start servers, or need much processor time. `npm test` runs them. */
const slow = [
  ...folders.map((it) => `tests/${it}/**`),
  "tests/allocations/**",
  "server/supervisor/run.test.ts",
  "server/supervisor/worker-process.test.ts",
];

/** `npm run check`: the checks that every commit must pass. It takes less than a minute. */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const options = [`--timeout=${timeoutMs}`, ...slow.map((it) => `--path-ignore-patterns=${it}`)];
  const tests = runTests(requireBun(), options, { limitMs: 600_000 });
  return report(await Promise.all([checkStyle(), checkTypes(), tests]));
});
