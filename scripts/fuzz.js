import { run } from "./run.js";
import { installPackages, requireBun, runScript } from "./setup.js";

/**
 * `npm run fuzz -- [target] [--minutes N]` feeds mutated inputs to everything that reads untrusted text; see
 * tests/fuzz/run.ts.
 */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const { code } = await run(requireBun(), ["--no-env-file", "tests/fuzz/run.ts", ...process.argv.slice(2)]);
  return code ?? 1;
});
