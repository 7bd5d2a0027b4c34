import { installPackages, requireBun, runScript } from "./setup.js";
import { checkStyle, checkTypes, report, runTests } from "./steps.js";

/** These tests start servers, or need minutes of processor time. `npm test` runs them. */
const slow = ["deploy", "e2e", "faults", "ipc", "nodes", "packages", "redis", "roll", "simulation", "streams"].map(
  (it) => `tests/${it}/**`,
);

/** `npm run check`: the checks that every commit must pass. It takes less than a minute. */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const [style, types] = await Promise.all([checkStyle(), checkTypes()]);
  const options = ["--timeout=60000", ...slow.map((it) => `--path-ignore-patterns=${it}`)];
  return report([style, types, await runTests(requireBun(), options, { limitMs: 600_000 })]);
});
