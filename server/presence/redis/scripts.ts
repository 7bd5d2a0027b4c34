import { makeScript } from "../../lib/redis/script.ts";
import apply from "./apply.lua" with { type: "text" };
import beat from "./beat.lua" with { type: "text" };
import read from "./read.lua" with { type: "text" };
import remove from "./remove.lua" with { type: "text" };

/** The scripts that run inside Redis. Each file documents its keys, arguments and answers. */
export function presenceScripts() {
  return { apply: makeScript(apply), read: makeScript(read), remove: makeScript(remove), beat: makeScript(beat) };
}

export type PresenceScripts = ReturnType<typeof presenceScripts>;
