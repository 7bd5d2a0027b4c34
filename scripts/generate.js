import { run } from "./run.js";
import { installPackages, requireBun, runScript } from "./setup.js";

/** `npm run generate`: writes the pages and files that are made from tables in the code; a test says when it is time. */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const { code } = await run(requireBun(), ["--no-env-file", "server/main.ts", "config", "docs", "--into", "."]);
  return code ?? 1;
});
