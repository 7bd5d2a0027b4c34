import { parseUserId, userIdRule } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import type { JsonText } from "../../protocol/publication.ts";
import { Grants, parsePattern, patternRule, type Verb } from "./grants.ts";
import type { Identity, TokenFacts } from "./identity.ts";

/** How far the clocks of the token's issuer and of this machine may differ. Seconds. */
export const clockToleranceS = 5;

/**
 * Reads the claims of a token whose signature and times are already verified. Example:
 * `{"sub":"u1","exp":1790000000,"subscribe":["room:*"],"publish":["room:1","all"],"channels":["team:7"]}` is the user `u1`,
 * who may subscribe to all rooms, publish to `room:1` and `all`, and do both in `team:7`. With `"presence":["team:*"]` it sees
 * the users of the teams only; without the claim, those of all channels that it has a grant to subscribe to.
 * @throws ServiceError "unauthorized" that names the claim and its rule, but not its value
 */
export function identityOfClaims(claims: Readonly<Record<string, unknown>>): Identity {
  const userId = parseUserId(claims.sub);
  if (userId === undefined) throw wrong("sub", `the user's id, ${userIdRule}`);
  const both = patternsOf(claims, "channels");
  const grants = new Grants({
    subscribe: [...both, ...patternsOf(claims, "subscribe")],
    publish: [...both, ...patternsOf(claims, "publish")],
    ...(claims.presence === undefined ? {} : { presence: patternsOf(claims, "presence") }),
  });
  const info = infoOf(claims);
  const token = factsOf(claims);
  return { userId, grants, expiresAtMs: expiryOf(claims), token, ...(info === undefined ? {} : { info }) };
}

/** Bounded, because every member of a channel may receive it. */
function infoOf({ info }: Readonly<Record<string, unknown>>): JsonText | undefined {
  if (info === undefined || info === null) return undefined;
  const text = JSON.stringify(info);
  const bytes = Buffer.byteLength(text);
  if (bytes > limits.infoBytes) throw wrong("info", `at most ${limits.infoBytes} bytes of JSON, got ${bytes}`);
  return text;
}

/** The longest `jti` that is kept. A longer one cannot be blocked, so it is refused. */
const maxTokenIdLength = 256;

function factsOf({ jti, iat }: Readonly<Record<string, unknown>>): TokenFacts {
  if (jti !== undefined && (typeof jti !== "string" || jti.length > maxTokenIdLength)) {
    throw wrong("jti", `a text of at most ${maxTokenIdLength} characters`);
  }
  return { id: jti, issuedAtMs: typeof iat === "number" ? iat * 1000 : undefined };
}

function patternsOf(claims: Readonly<Record<string, unknown>>, claim: Verb | "channels"): readonly string[] {
  const value = claims[claim];
  if (value === undefined) return [];
  const patterns = Array.isArray(value) ? value.map(parsePattern) : [undefined];
  return patterns.map((pattern) => {
    // Rejects the whole token: a silently dropped grant would only be noticed when a user lacks it.
    if (pattern === undefined) throw wrong(claim, `a list, each item ${patternRule}`);
    return pattern;
  });
}

/** The year 9999. A time that is in milliseconds by mistake is far beyond it: the token would never expire. */
const lastExp = 253_402_300_799;

function expiryOf(claims: Readonly<Record<string, unknown>>): number | undefined {
  const { exp } = claims;
  if (exp === undefined) return undefined;
  if (typeof exp !== "number" || !(exp <= lastExp)) throw wrong("exp", "seconds (not milliseconds) since 1970");
  // The same tolerance as when connecting. Otherwise a client that connects in the last seconds would be closed at once.
  return (exp + clockToleranceS) * 1000;
}

function wrong(claim: string, rule: string): ServiceError {
  return new ServiceError("unauthorized", `the token's claim ${claim}: expected ${rule}`);
}
