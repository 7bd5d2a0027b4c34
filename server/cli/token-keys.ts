import type { VerifierSettings } from "../auth/token.ts";
import type { Examined } from "../config/load.ts";
import { ConfigError } from "../config/settings.ts";

/**
 * The settings for signing and verifying tokens. Other problems of the settings are ignored, unless they may be the reason
 * why there is no key.
 * @throws ConfigError
 */
export function configuredKeys({ settings, problems }: Examined): VerifierSettings {
  const { jwtSecret: secret, jwtPublicKey: publicKey, jwksUrl, jwtIssuer: issuers, jwtAudience: audiences } = settings;
  const hasKey = [secret, publicKey, jwksUrl].some((it) => it !== undefined);
  const relevantProblems = hasKey
    ? []
    : problems.filter((problem) => /jw(t|ks)|cannot be read|\.env|--config/i.test(problem));
  if (relevantProblems.length > 0) throw new ConfigError(relevantProblems);
  return { secret, publicKey, jwksUrl, issuers, audiences };
}
