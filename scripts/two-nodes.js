import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { refuseSwallowedFlags } from "./npm-flags.js";
import { provideProgram, SetupError } from "./programs.js";
import { installPackages, runScript } from "./setup.js";
import { FanfareNode } from "./two-nodes/fanfare-node.js";
import { HaProxy } from "./two-nodes/ha-proxy.js";
import { Redis } from "./two-nodes/redis.js";

/**
 * `npm run two-nodes -- --user-connections replace`: two nodes with two workers each, on one Redis and behind one HAProxy.
 * In production each would run on its own machine. All of them listen only on loopback, and stop with this script.
 *
 * Flags and settings from the environment apply to both nodes. `--port` is HAProxy's port.
 */
await runScript(async () => {
  const { proxyPort, args } = parseArguments(process.argv.slice(2));
  await installPackages({ forDevelopment: false });
  const [redisServer, haproxy] = [await provideProgram("redis"), await provideProgram("haproxy")];
  const folder = mkdtempSync(join(tmpdir(), "fanfare-nodes-"));
  /** @type {{ stop(hurry: AbortSignal): Promise<unknown> }[]} */
  const running = [];
  const ending = onSignals();
  try {
    const redis = await Redis.start(redisServer, folder);
    running.unshift(redis);
    const starting = ["one", "two"].map((name) => FanfareNode.start(name, { args, redisUrl: redis.url }));
    const [one, two] = await Promise.all(starting);
    if (one === undefined || two === undefined) throw new Error("there are two nodes");
    const proxy = await HaProxy.start(haproxy, { folder, port: proxyPort, nodes: [one, two] });
    running.unshift(one, two, proxy);
    announce({ redis, one, two, proxy });
    await Promise.race([ending.asked, Promise.all([one.ended, two.ended]), redis.ended, proxy.ended]);
    await Promise.all([one.stop(ending.hurry), two.stop(ending.hurry)]);
    return 0;
  } finally {
    for (const it of running) await it.stop(ending.hurry);
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * @param {readonly string[]} all
 * @returns {{ proxyPort: number, args: readonly string[] }} port 0 means any free port
 * @throws {SetupError}
 */
function parseArguments(all) {
  refuseSwallowedFlags("npm run two-nodes", all);
  const args = [...all];
  const at = args.findIndex((it) => it === "--port" || it.startsWith("--port="));
  if (at < 0) return { proxyPort: 0, args };
  const [flag = ""] = args.splice(at, 1);
  const value = flag.includes("=") ? flag.slice(flag.indexOf("=") + 1) : args.splice(at, 1)[0];
  if (!/^[0-9]{1,5}$/.test(value ?? "") || Number(value) > 65_535) {
    throw new SetupError(`--port: expected a whole number from 0 to 65535, got "${value ?? ""}"`);
  }
  return { proxyPort: Number(value), args };
}

/** The first SIGINT, SIGTERM or SIGHUP starts the shutdown. The second one closes the remaining connections. */
function onSignals() {
  const hurry = new AbortController();
  let isAsked = false;
  const asked = new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      process.on(signal, () => {
        if (isAsked) hurry.abort();
        else
          console.log(
            "Shutting down: waiting for clients to disconnect. Press Ctrl+C again to close their connections now.",
          );
        isAsked = true;
        resolve(undefined);
      });
    }
  });
  return { asked, hurry: hurry.signal };
}

/** @param {{ redis: Redis, one: FanfareNode, two: FanfareNode, proxy: HaProxy }} running */
function announce({ redis, one, two, proxy }) {
  console.log(`
Two nodes share one Redis:

  HAProxy   ${proxy.url}   sends each client to one of the nodes, and avoids a node that is down
  node one  ${one.url}
  node two  ${two.url}
  Redis     ${redis.url}

Open the first address in several tabs. All tabs receive every message, whichever node they are connected to.
  publish a message        curl ${one.url}v1/channels/all/messages -d 'Hello, both'
  list all processes       curl ${two.url}v1/nodes
  drain one node           curl -X POST ${one.url}v1/drain

Ctrl+C stops everything.
`);
  if (availableParallelism() < 4) console.log("This machine has few cores, so do not use it for measurements.\n");
}
