import { installPackages, requireBun, runScript } from "./setup.js";
import { checkStyle, checkTypes, report, runTests } from "./steps.js";

/** These start servers or other processes, and take minutes; `npm test` runs them. */
const slow = ["tests/e2e/**", "tests/faults/**", "tests/ipc/**", "tests/redis/**", "tests/streams/**"];

/** `npm run check`: what a change must pass before it is committed, in less than half a minute. */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const [style, types] = await Promise.all([checkStyle(), checkTypes()]);
  const options = ["--timeout=60000", ...slow.map((it) => `--path-ignore-patterns=${it}`)];
  return report([style, types, await runTests(requireBun(), options, { limitMs: 120_000 })]);
});
