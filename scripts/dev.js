import { existsSync, readFileSync } from "node:fs";
import { run } from "./run.js";
import { installPackages, requireBun, runScript } from "./setup.js";

/**
 * `npm run dev -- --port 9000`: the server, started anew on every change.
 *
 * An open browser tab would hold up each restart for as long as the server waits for its clients, half an hour by
 * default; one second is enough here, unless another time was asked for.
 */
await runScript(async () => {
  await installPackages({ forDevelopment: true });
  const bun = requireBun();
  const env = asksForTimeout() ? {} : { SHUTDOWN_TIMEOUT: "1" };
  const args = ["--no-env-file", "--watch", "--no-clear-screen", "server/main.ts", "start", ...process.argv.slice(2)];
  const { code } = await run(bun, args, { env });
  return code ?? 1;
});

/** Both names of the setting count: one of them here and the other there would be an error at start. */
function asksForTimeout() {
  const inFile =
    existsSync(".env") && /^\s*(?:export\s+)?(?:SHUTDOWN_)?TIMEOUT\s*=/m.test(readFileSync(".env", "utf8"));
  return inFile || process.env.SHUTDOWN_TIMEOUT !== undefined || process.env.TIMEOUT !== undefined;
}
