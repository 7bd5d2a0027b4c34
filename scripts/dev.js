import { existsSync, readFileSync } from "node:fs";
import { launch } from "../bin/launch.js";
import { refuseSwallowedFlags } from "./npm-flags.js";
import { installPackages, runScript } from "./setup.js";
import { watchSources } from "./watch-sources.js";

/**
 * `npm run dev -- --port 9000`: the server, started again after every change of its sources or settings, until a signal
 * ends it. One that fails is started again after the next change too.
 *
 * An open browser tab would hold up each restart for as long as the server waits for its clients, half an hour by
 * default; one second is enough here, unless another time was asked for.
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
        // Asked to end, by a signal or over HTTP.
        if (end === 0 || end > 128) return end;
        console.error("Waiting for a change …");
        await change;
      } else {
        console.error(`${end} has changed: starting again …`);
        stop.abort();
        await running;
      }
    }
  } finally {
    sources.close();
  }
});

/** Both names of the setting count: one of them here and the other there would be an error at start. */
function asksForTimeout() {
  const inFile =
    existsSync(".env") && /^\s*(?:export\s+)?(?:SHUTDOWN_)?TIMEOUT\s*=/m.test(readFileSync(".env", "utf8"));
  return inFile || process.env.SHUTDOWN_TIMEOUT !== undefined || process.env.TIMEOUT !== undefined;
}
