import { makeScript, type RedisScript } from "../../lib/redis/script.ts";
import open from "./open.lua" with { type: "text" };
import publish from "./publish.lua" with { type: "text" };
import read from "./read.lua" with { type: "text" };
import server from "./server.lua" with { type: "text" };
import settle from "./settle.lua" with { type: "text" };
import watch from "./watch.lua" with { type: "text" };

/** The scripts that run inside Redis. Each file documents its keys, arguments and answers. */
export interface BrokerScripts {
  readonly publish: RedisScript;
  readonly open: RedisScript;
  readonly read: RedisScript;
  readonly server: RedisScript;
  readonly settle: RedisScript;
  readonly watch: RedisScript;
}

export function brokerScripts(): BrokerScripts {
  return {
    publish: makeScript(publish),
    open: makeScript(open),
    read: makeScript(read),
    server: makeScript(server),
    settle: makeScript(settle),
    watch: makeScript(watch),
  };
}
