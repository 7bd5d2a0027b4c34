import { installPackages, requireBun, runScript } from "./setup.js";
import { checkStyle, checkTypes, report, runTests } from "./steps.js";

/** `npm run check`: what a change must pass before it is committed, in seconds: all but the tests that start servers. */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const limits = { limitMs: 120_000 };
  return report([
    await checkStyle(),
    await checkTypes(),
    await runTests(requireBun(), ["--path-ignore-patterns=tests/e2e/**"], limits),
  ]);
});
