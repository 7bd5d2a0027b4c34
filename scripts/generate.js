import { writeLlmsText } from "./llms.js";
import { run } from "./run.js";
import { installPackages, requireBun, runScript } from "./setup.js";

/** `npm run generate`: writes the files that are generated from tables in the code, and docs/llms.txt. Tests fail if they are out of date. */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const { code } = await run(requireBun(), ["--no-env-file", "server/main.ts", "config", "docs", "--into", "."]);
  writeLlmsText();
  return code ?? 1;
});
