import { existsSync, readFileSync } from "node:fs";
import { launch } from "../bin/launch.js";
import { refuseSwallowedFlags } from "./npm-flags.js";
import { installPackages, runScript } from "./setup.js";
import { watchSources } from "./watch-sources.js";

/**
 * `npm run dev -- --port 9000`: runs the server and restarts it after each change of its sources or settings. A server that
 * fails is also restarted after the next change.
 *
 * By default the server waits up to half an hour for its clients, so an open browser tab would block each restart. Here it
 * waits one second, unless SHUTDOWN_TIMEOUT is set.
 */
await runScript(async () => {
  const args = process.argv.slice(2);
  refuseSwallowedFlags("npm run dev", args);
  await installPackages({ forDevelopment: true });
  const env = asksForTimeout() ? {} : { SHUTDOWN_TIMEOUT: "1" };
  const sources = watchSources();
  try {
    for (;;) {
      const stop = new AbortController();
      const change = sources.next();
      const running = launch(["start", ...args], { env, stop: stop.signal });
      const end = await Promise.race([running, change]);
      if (typeof end === "number") {
        // Stopped by a signal or over HTTP.
        if (end === 0 || end > 128) return end;
        console.error("Waiting for a change …");
        await change;
      } else {
        console.error(`${end} has changed: restarting …`);
        stop.abort();
        await running;
      }
    }
  } finally {
    sources.close();
  }
});

/** Checks both names of the setting, because setting them to different values is an error. */
function asksForTimeout() {
  const inFile =
    existsSync(".env") && /^\s*(?:export\s+)?(?:SHUTDOWN_)?TIMEOUT\s*=/m.test(readFileSync(".env", "utf8"));
  return inFile || process.env.SHUTDOWN_TIMEOUT !== undefined || process.env.TIMEOUT !== undefined;
}
