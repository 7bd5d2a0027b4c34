import { run } from "./run.js";
import { installPackages, requireBun, runScript } from "./setup.js";

/** `npm run check-wire -- ws://127.0.0.1:8000` checks which protocol rules a server follows. */
await runScript(async () => {
  await installPackages({ forDevelopment: false });
  const { code } = await run(requireBun(), [
    "--no-env-file",
    "tests/conformance/wire-check.ts",
    ...process.argv.slice(2),
  ]);
  return code ?? 1;
});
