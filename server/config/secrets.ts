import type { Settings } from "./settings.ts";

/** What must never be in a log. Of a key that is all behind its scopes. */
export function secretsOf({ apiKeys, jwtSecret }: Pick<Settings, "apiKeys" | "jwtSecret">): readonly string[] {
  const keys = apiKeys.map((key) => key.slice(key.indexOf("@") + 1));
  return jwtSecret === undefined ? keys : [...keys, jwtSecret];
}
