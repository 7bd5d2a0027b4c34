import { jwtSecretFault } from "../../protocol/weak-secret.ts";
import { type OptionTable, refuseUnknownOptions } from "../known-options.ts";

/** Who a token is for, and what it allows. Patterns such as `room:*` are described in docs/auth.md. */
export interface TokenOptions {
  readonly userId: string;
  /** The server's `JWT_SECRET`: at least 32 bytes, and not easy to guess. */
  readonly secret: string;
  /** Seconds; 12 hours by default. */
  readonly expiresInS?: number | undefined;
  readonly subscribe?: readonly string[] | undefined;
  readonly publish?: readonly string[] | undefined;
  /** Both of the above. */
  readonly channels?: readonly string[] | undefined;
  /** JSON that other members of a channel see in its presence. */
  readonly info?: unknown;
}

const optionTable: OptionTable<TokenOptions> = {
  ...{ userId: true, secret: true, expiresInS: true, subscribe: true, publish: true, channels: true, info: true },
};

/**
 * Makes a token (JWT, HS256) that a client connects with. Uses Web Crypto, so it runs on edge runtimes.
 * @throws TypeError for an option that is unknown or breaks its rule
 */
export async function createToken(options: TokenOptions, nowMs = Date.now()): Promise<string> {
  refuseUnknownOptions("createToken", options, Object.keys(optionTable));
  const { userId, secret, expiresInS = 12 * 3600, ...grants } = options;
  const fault = jwtSecretFault(secret);
  if (fault !== undefined) throw new TypeError(`secret: ${fault}`);
  if (typeof userId !== "string" || userId === "") throw new TypeError("userId: expected the user's id");
  if (!(expiresInS > 0 && Number.isFinite(expiresInS))) {
    throw new TypeError(`expiresInS: expected a number of seconds above 0, got ${expiresInS}`);
  }
  const issuedAt = Math.floor(nowMs / 1000);
  const { subscribe, publish, channels, info } = grants;
  const claims = {
    sub: userId,
    iat: issuedAt,
    exp: issuedAt + Math.ceil(expiresInS),
    subscribe,
    publish,
    channels,
    info,
  };
  const signed = `${base64url(JSON.stringify({ alg: "HS256", typ: "JWT" }))}.${base64url(JSON.stringify(claims))}`;
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const signing = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), algorithm, false, ["sign"]);
  const signature = await crypto.subtle.sign(algorithm, signing, new TextEncoder().encode(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}

function base64url(value: string | Uint8Array): string {
  const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
