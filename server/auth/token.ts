import { errors, type JWTVerifyOptions, jwtVerify, SignJWT } from "jose";
import { parseUserId, userIdRule } from "../../protocol/channel-name.ts";
import { present } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { parsePattern, patternRule, verbs } from "./grants.ts";
import type { Identity } from "./identity.ts";
import { clockToleranceS, identityOfClaims } from "./token-claims.ts";
import { checkSecret, type KeySettings, makeTokenKeys, type TokenKeys } from "./token-keys.ts";
import { TokenRefusal } from "./token-refusal.ts";

/** Verifies tokens. */
export interface TokenVerifier {
  /**
   * Rejects with a ServiceError whose message contains no part of the token. "token-expired": the token has expired or is not
   * valid yet, and a new one helps. "unauthorized": it is malformed, wrongly signed, or signed with an algorithm that is not
   * configured. "keys-unavailable": the keys of `JWKS_URL` cannot be read, or do not have a new key yet; the same token may be
   * accepted later.
   */
  verify(token: string): Promise<Identity>;
}

/**
 * The verifier for the configured keys, or undefined if there are none.
 * @throws Error that names the setting, if a key is too weak or unreadable
 */
export function makeTokenVerifier(
  settings: VerifierSettings,
  clock: Pick<Clock, "now"> & Partial<Pick<Clock, "monotonic">> = Date,
): TokenVerifier | undefined {
  const keys = makeTokenKeys(settings, clock.monotonic?.bind(clock));
  return keys === undefined ? undefined : new JwtVerifier(keys, settings, clock);
}

/** Requirements for a token: signed with one of the keys, by one of the issuers, for one of the audiences. */
export interface VerifierSettings extends KeySettings {
  /** Undefined or empty: any. */
  readonly issuers?: readonly string[] | undefined;
  readonly audiences?: readonly string[] | undefined;
}

/** The content of a new token. */
export interface TokenOptions {
  readonly secret: string;
  readonly sub: string;
  /** Channel patterns (see `Grants`). */
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
  /** Undefined: those of `subscribe`. */
  readonly presence?: readonly string[] | undefined;
  /** Undefined: it never expires. */
  readonly expiresInS: number | undefined;
  /** Information that others may see about the user: any JSON. */
  readonly info?: unknown;
}

/**
 * Signs a token with HS256, for tests, scripts and the command line. Applications use a JWT library.
 * @throws Error that names the invalid option
 */
export async function makeToken(options: TokenOptions, clock: Pick<Clock, "now"> = Date): Promise<string> {
  if (parseUserId(options.sub) === undefined) throw new Error(`sub: expected ${userIdRule}`);
  for (const verb of verbs) {
    const wrong = options[verb]?.find((pattern) => parsePattern(pattern) === undefined);
    if (wrong !== undefined) throw new Error(`${verb}: expected ${patternRule}, got ${JSON.stringify(wrong)}`);
  }
  if (options.expiresInS !== undefined && !(options.expiresInS > 0)) {
    throw new Error(`expires: expected more than 0 seconds, got ${options.expiresInS}`);
  }
  const nowS = Math.floor(clock.now() / 1000);
  const { info, presence } = options;
  const claims = { subscribe: [...options.subscribe], publish: [...options.publish], ...present({ presence, info }) };
  const token = new SignJWT(claims)
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(options.sub)
    .setIssuedAt(nowS);
  if (options.expiresInS !== undefined) token.setExpirationTime(nowS + Math.ceil(options.expiresInS));
  return token.sign(checkSecret(options.secret));
}

/** A longer token does not fit into a header. Checked before anything is decoded. */
const maxTokenLength = 16_384;

/** Names and texts in a header. Usual ones have fewer than ten. */
const maxHeaderTexts = 50;

/**
 * Whether the header may be parsed. That has to happen before the signature is checked, so anybody may have written it, and
 * names that were made to collide in the engine's tables are slow: see `JsonCheck`.
 */
function isPlainHeader(token: string): boolean {
  const header = Buffer.from(token.slice(0, token.indexOf(".")), "base64url").toString("latin1");
  return /^[\t\n\r\x20-\x7e]*$/.test(header) && header.split('"').length <= 2 * maxHeaderTexts;
}

class JwtVerifier implements TokenVerifier {
  readonly #keys: TokenKeys;
  readonly #clock: Pick<Clock, "now">;
  readonly #required: JWTVerifyOptions;

  constructor(keys: TokenKeys, { issuers = [], audiences = [] }: VerifierSettings, clock: Pick<Clock, "now">) {
    this.#keys = keys;
    this.#required = {
      ...(issuers.length === 0 ? {} : { issuer: [...issuers] }),
      ...(audiences.length === 0 ? {} : { audience: [...audiences] }),
    };
    this.#clock = clock;
  }

  async verify(token: string): Promise<Identity> {
    if (token.length > maxTokenLength) {
      throw new ServiceError("unauthorized", `the token is longer than ${maxTokenLength} characters`);
    }
    if (!isPlainHeader(token)) {
      throw new ServiceError(
        "unauthorized",
        `the token's header has more than ${maxHeaderTexts} names and texts, or is not ASCII`,
      );
    }
    return identityOfClaims(await this.#claimsOf(token));
  }

  async #claimsOf(token: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      const { payload } = await jwtVerify(token, this.#keys.find, {
        ...this.#required,
        algorithms: [...this.#keys.algorithms],
        clockTolerance: clockToleranceS,
        currentDate: new Date(this.#clock.now()),
      });
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      // Without the cause: causes are logged, and the library's errors contain claims or parts of the token.
      const code = isOutOfTime(error) ? "token-expired" : "unauthorized";
      throw new TokenRefusal(code, this.#describe(error), userOf(error));
    }
  }

  #describe(error: errors.JOSEError): string {
    if (error instanceof errors.JWTExpired) return "the token has expired: get a new one";
    if (error instanceof errors.JWTClaimValidationFailed) {
      if (error.claim === "iss") return "the token's issuer (its `iss`) is not one of JWT_ISSUER";
      if (error.claim === "aud") return "the token is not for this server: its `aud` is not one of JWT_AUDIENCE";
      return error.claim === "nbf" ? "the token is not valid yet (its `nbf`)" : "a time in the token is not a number";
    }
    if (error instanceof errors.JOSEAlgNotAllowed) {
      return `the token's algorithm is not accepted: expected ${this.#keys.algorithms.join(" or ")}`;
    }
    if (error instanceof errors.JWSSignatureVerificationFailed) {
      return "the token's signature is wrong: it was not signed with the key this server is configured with";
    }
    if (error instanceof errors.JWKSNoMatchingKey) return "the token was signed with a key that JWKS_URL does not list";
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      return "the token does not say which key signed it: set `kid` in its header";
    }
    return "the token is not a signed JWT: expected three base64url parts separated by dots";
  }
}

/** These two errors are about claims, which are checked after the signature. */
function userOf(error: errors.JOSEError): string | undefined {
  const isSigned = error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed;
  return isSigned ? parseUserId(error.payload.sub) : undefined;
}

/** Whether the token is expired or not valid yet, and otherwise correct. */
function isOutOfTime(error: errors.JOSEError): boolean {
  const isEarly =
    error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf" && error.reason === "check_failed";
  return isEarly || error instanceof errors.JWTExpired;
}
