import type { Keys } from "./keys.ts";
import { Refusal } from "./refusal.ts";
import type { Answer } from "./script.ts";

/** The commands on keys that are used outside of scripts. @throws Refusal */
export function performOnKeys(keys: Keys, name: string, [key = "", ...args]: readonly string[]): Answer {
  switch (name) {
    case "GET":
      return keys.text(key) ?? null;
    case "SET":
      // SET key text PX ms
      keys.setText(key, args[0] ?? "", args[1] === "PX" ? Number(args[2]) : undefined);
      return "OK";
    case "EXISTS":
      return keys.has(key) ? 1 : 0;
    case "PTTL":
      return keys.has(key) ? (keys.leftMs(key) ?? -1) : -2;
    case "PEXPIRE":
      keys.expire(key, Number(args[0]));
      return keys.has(key) ? 1 : 0;
    case "DEL":
      return keys.delete(key) ? 1 : 0;
    case "SADD":
      for (const member of args) keys.set(key).add(member);
      return args.length;
    case "SREM": {
      if (!keys.has(key)) return 0;
      const members = keys.set(key);
      for (const member of args) members.delete(member);
      if (members.size === 0) keys.delete(key);
      return args.length;
    }
    case "SSCAN":
      return ["0", keys.has(key) ? [...keys.set(key)] : []];
    case "ZRANGE": // all, with scores
      return keys.sorted(key).flatMap(([member, score]) => [member, String(score)]);
    case "ZREM":
      return args.filter((it) => keys.deleteScore(key, it)).length;
    default:
      throw new Refusal(`ERR unknown command '${name}'`);
  }
}
