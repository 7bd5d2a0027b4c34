import { createHash } from "node:crypto";

/** A Lua script of the server, called by its digest. */
export interface RedisScript {
  readonly lua: string;
  readonly sha: string;
}

export function makeScript(lua: string): RedisScript {
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}
