import type { KeySettings } from "../auth/token-keys.ts";
import type { Examined } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";

/**
 * What the settings say about signing and checking tokens. What else is wrong with them is no matter here, unless it may
 * be why there is no key.
 * @throws ConfigError
 */
export function configuredKeys({ settings, problems }: Examined): KeySettings {
  const { jwtSecret: secret, jwtPublicKey: publicKey, jwksUrl } = settings;
  const hasKey = [secret, publicKey, jwksUrl].some((it) => it !== undefined);
  const concerned = hasKey ? [] : problems.filter((problem) => /jw(t|ks)|cannot be read|\.env|--config/i.test(problem));
  if (concerned.length > 0) throw new ConfigError(concerned);
  return { secret, publicKey, jwksUrl };
}
