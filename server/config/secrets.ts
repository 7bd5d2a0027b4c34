import { parseRedisUrl } from "../lib/redis/address.ts";
import type { Settings } from "./settings.ts";

/** What must never be in a log. Of a key that is all behind its scopes. */
export function secretsOf(settings: Pick<Settings, "apiKeys" | "jwtSecret" | "redisUrl">): readonly string[] {
  const { apiKeys, jwtSecret, redisUrl } = settings;
  const keys = apiKeys.map((key) => key.slice(key.indexOf("@") + 1));
  return [...keys, jwtSecret, ...passwordsIn(redisUrl)].filter((it) => it !== undefined);
}

/** As it is, and as it is written in the address. */
function passwordsIn(redisUrl: string | undefined): readonly string[] {
  const address = redisUrl === undefined ? "" : parseRedisUrl(redisUrl);
  const password = typeof address === "string" ? undefined : address.password;
  return password === undefined ? [] : [password, encodeURIComponent(password)];
}
