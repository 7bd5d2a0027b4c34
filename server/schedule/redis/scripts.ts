import { makeScript, type RedisScript } from "../../lib/redis/script.ts";
import lease from "./lease.lua" with { type: "text" };
import read from "./read.lua" with { type: "text" };
import write from "./write.lua" with { type: "text" };

/** The scripts that run inside Redis. Each file documents its keys, arguments and answers. */
export interface ScheduleScripts {
  readonly read: RedisScript;
  readonly write: RedisScript;
  readonly lease: RedisScript;
}

export function scheduleScripts(): ScheduleScripts {
  return { read: makeScript(read), write: makeScript(write), lease: makeScript(lease) };
}
