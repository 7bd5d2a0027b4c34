import { errors, jwtVerify, SignJWT } from "jose";
import { parseUserId, userIdRule } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { parsePattern, patternRule } from "./grants.ts";
import type { Identity } from "./identity.ts";
import { clockToleranceS, identityOfClaims } from "./token-claims.ts";
import { checkSecret, type KeySettings, makeTokenKeys, type TokenKeys } from "./token-keys.ts";

/** Says who a token belongs to and what it allows. */
export interface TokenVerifier {
  /**
   * Rejects with a ServiceError whose message never holds the token or a part of it: "token-expired" for a token that has
   * expired or is not valid yet, where a new one helps; "unauthorized" for a token that is malformed, wrongly signed or signed with an algorithm that is not configured; "internal" where the keys of
   * `JWKS_URL` cannot be read, since then the same token may pass later.
   */
  verify(token: string): Promise<Identity>;
}

/**
 * The verifier for what is configured, or undefined where nothing is.
 * @throws Error that names the setting, where a key is too weak or unreadable.
 */
export function makeTokenVerifier(settings: KeySettings, clock: Pick<Clock, "now"> = Date): TokenVerifier | undefined {
  const keys = makeTokenKeys(settings);
  return keys === undefined ? undefined : new JwtVerifier(keys, clock);
}

/** A token to be made. */
export interface TokenWish {
  readonly secret: string;
  readonly sub: string;
  /** Channel patterns (see `Grants`). */
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
  /** Undefined: it never expires. */
  readonly expiresInS: number | undefined;
}

/**
 * Signs a token with HS256, for tests, scripts and the command line; applications make theirs with a JWT library.
 * @throws Error that says what is wrong with the wish.
 */
export async function makeToken(wish: TokenWish, clock: Pick<Clock, "now"> = Date): Promise<string> {
  if (parseUserId(wish.sub) === undefined) throw new Error(`sub: expected ${userIdRule}`);
  for (const verb of ["subscribe", "publish"] as const) {
    const wrong = wish[verb].find((pattern) => parsePattern(pattern) === undefined);
    if (wrong !== undefined) throw new Error(`${verb}: expected ${patternRule}, got ${JSON.stringify(wrong)}`);
  }
  if (wish.expiresInS !== undefined && !(wish.expiresInS > 0)) {
    throw new Error(`expires: expected more than 0 seconds, got ${wish.expiresInS}`);
  }
  const nowS = Math.floor(clock.now() / 1000);
  const token = new SignJWT({ subscribe: [...wish.subscribe], publish: [...wish.publish] })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(wish.sub)
    .setIssuedAt(nowS);
  if (wish.expiresInS !== undefined) token.setExpirationTime(nowS + Math.ceil(wish.expiresInS));
  return token.sign(checkSecret(wish.secret));
}

/** Longer ones fit into no header. Said before anything is decoded. */
const maxTokenLength = 16_384;

class JwtVerifier implements TokenVerifier {
  readonly #keys: TokenKeys;
  readonly #clock: Pick<Clock, "now">;

  constructor(keys: TokenKeys, clock: Pick<Clock, "now">) {
    this.#keys = keys;
    this.#clock = clock;
  }

  async verify(token: string): Promise<Identity> {
    if (token.length > maxTokenLength) {
      throw new ServiceError("unauthorized", `the token is longer than ${maxTokenLength} characters`);
    }
    return identityOfClaims(await this.#claimsOf(token));
  }

  async #claimsOf(token: string): Promise<Readonly<Record<string, unknown>>> {
    try {
      const { payload } = await jwtVerify(token, this.#keys.find, {
        algorithms: [...this.#keys.algorithms],
        clockTolerance: clockToleranceS,
        currentDate: new Date(this.#clock.now()),
      });
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      // Without the cause: the library's errors carry the claims, or pieces of what came, and causes are logged.
      throw new ServiceError(isOutOfTime(error) ? "token-expired" : "unauthorized", this.#complaint(error));
    }
  }

  #complaint(error: errors.JOSEError): string {
    if (error instanceof errors.JWTExpired) return "the token has expired: get a new one";
    if (error instanceof errors.JWTClaimValidationFailed) {
      return error.claim === "nbf" ? "the token is not valid yet (its `nbf`)" : "a time in the token is not a number";
    }
    if (error instanceof errors.JOSEAlgNotAllowed) {
      return `the token's algorithm is not taken here: expected ${this.#keys.algorithms.join(" or ")}`;
    }
    if (error instanceof errors.JWSSignatureVerificationFailed) {
      return "the token's signature is wrong: it was signed with another key than this server's";
    }
    if (error instanceof errors.JWKSNoMatchingKey) return "the token was signed with a key that JWKS_URL does not list";
    if (error instanceof errors.JWKSMultipleMatchingKeys) {
      return "the token does not say which key signed it: set `kid` in its header";
    }
    return "the token is not a signed JWT: expected three parts of base64url with dots between";
  }
}

/** Nothing is wrong with the token but the time: its owner can get a new one. */
function isOutOfTime(error: errors.JOSEError): boolean {
  const isEarly =
    error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf" && error.reason === "check_failed";
  return isEarly || error instanceof errors.JWTExpired;
}
