import { parseRedisUrl } from "../lib/redis/address.ts";
import type { Settings } from "./settings.ts";

/** The texts that must never be logged. API keys are without their scopes. */
export function secretsOf(
  settings: Pick<Settings, "apiKeys" | "jwtSecret" | "redisUrl" | "jwksUrl" | "hookSecret" | "otelExporterOtlpHeaders">,
): readonly string[] {
  const { apiKeys, jwtSecret, redisUrl, jwksUrl, hookSecret, otelExporterOtlpHeaders } = settings;
  const keys = apiKeys.map((key) => key.slice(key.indexOf("@") + 1));
  const headers = otelExporterOtlpHeaders.map((pair) => pair.slice(pair.indexOf("=") + 1));
  return [...keys, ...hookSecret, ...headers, jwtSecret, ...passwordsIn(redisUrl), ...passwordsOf(jwksUrl)].filter(
    (it) => it !== undefined,
  );
}

/** The password, plain and URL-encoded. */
function passwordsIn(redisUrl: string | undefined): readonly string[] {
  const address = redisUrl === undefined ? "" : parseRedisUrl(redisUrl);
  const password = typeof address === "string" ? undefined : address.password;
  return password === undefined ? [] : [password, encodeURIComponent(password)];
}

/** The password of a URL, as it is written and decoded. */
function passwordsOf(url: string | undefined): readonly string[] {
  const written = url === undefined ? "" : (URL.parse(url)?.password ?? "");
  return written === "" ? [] : [written, decodeURIComponent(written)];
}
