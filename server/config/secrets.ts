import { parseRedisUrl } from "../lib/redis/address.ts";
import type { Settings } from "./settings.ts";

/** The texts that must never be logged. API keys are without their scopes. */
export function secretsOf(settings: Pick<Settings, "apiKeys" | "jwtSecret" | "redisUrl">): readonly string[] {
  const { apiKeys, jwtSecret, redisUrl } = settings;
  const keys = apiKeys.map((key) => key.slice(key.indexOf("@") + 1));
  return [...keys, jwtSecret, ...passwordsIn(redisUrl)].filter((it) => it !== undefined);
}

/** The password, plain and URL-encoded. */
function passwordsIn(redisUrl: string | undefined): readonly string[] {
  const address = redisUrl === undefined ? "" : parseRedisUrl(redisUrl);
  const password = typeof address === "string" ? undefined : address.password;
  return password === undefined ? [] : [password, encodeURIComponent(password)];
}
