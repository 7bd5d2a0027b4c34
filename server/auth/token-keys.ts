import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { createRemoteJWKSet, errors, type JWTVerifyGetKey } from "jose";
import { ServiceError } from "../../protocol/errors.ts";

/** What tokens are checked with, as it was configured. */
export interface KeySettings {
  /** `JWT_SECRET`: taken as its UTF-8 bytes, for HS256. */
  readonly secret: string | undefined;
  /** `JWT_PUBLIC_KEY`: PEM, of RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA). */
  readonly publicKey: string | undefined;
  /** `JWKS_URL`: where a key set is published, for the same three. */
  readonly jwksUrl: string | undefined;
}

/** Which algorithms are taken, and the key for a token's header. */
export interface TokenKeys {
  readonly algorithms: readonly string[];
  /** Only ever asked for one of `algorithms`. */
  readonly find: JWTVerifyGetKey;
}

/**
 * The keys of what is configured, or undefined where nothing is. A secret is only ever used for HS256 and a public key
 * never for it: else whoever knows the public key, which is no secret, could sign tokens with it.
 * @throws Error that names the setting.
 */
export function makeTokenKeys({ secret, publicKey, jwksUrl }: KeySettings): TokenKeys | undefined {
  if (publicKey !== undefined && jwksUrl !== undefined) {
    throw new Error("JWT_PUBLIC_KEY and JWKS_URL are both set: a token could belong to either; unset one");
  }
  const parts: TokenKeys[] = [];
  if (secret !== undefined) parts.push(secretKeys(secret));
  if (publicKey !== undefined) parts.push(publicKeys(publicKey));
  if (jwksUrl !== undefined) parts.push(remoteKeys(jwksUrl));
  if (parts.length === 0) return undefined;
  return {
    algorithms: parts.flatMap((part) => part.algorithms),
    find: (header, token) => {
      const part = parts.find(({ algorithms }) => algorithms.includes(header.alg));
      if (part === undefined) throw new errors.JOSEAlgNotAllowed("not one of the configured algorithms");
      return part.find(header, token);
    },
  };
}

/** RFC 7518 §3.2: a key of HS256 has at least the size of its hash. @throws Error for a shorter one. */
export function checkSecret(secret: string): Uint8Array {
  const bytes = new TextEncoder().encode(secret);
  if (bytes.length >= 32) return bytes;
  throw new Error(
    `JWT_SECRET: expected at least 32 bytes, got ${bytes.length}; make one with \`openssl rand -base64 48\``,
  );
}

function secretKeys(secret: string): TokenKeys {
  const key = checkSecret(secret);
  return { algorithms: ["HS256"], find: async () => key };
}

function publicKeys(pem: string): TokenKeys {
  const key = readPublicKey(pem);
  return { algorithms: algorithmsOf(key), find: async () => key };
}

function readPublicKey(text: string): KeyObject {
  // On one line of an environment the line breaks are often written as `\n`; PEM itself has no backslash.
  const pem = text.replaceAll("\\n", "\n");
  // A public key can be made out of a private one, which has no business on this server.
  if (isPrivateKey(pem)) throw new Error("JWT_PUBLIC_KEY: this is a private key; give the public half of it");
  try {
    return createPublicKey(pem);
  } catch (cause) {
    throw new Error("JWT_PUBLIC_KEY: expected PEM text that begins with -----BEGIN PUBLIC KEY-----", { cause });
  }
}

function isPrivateKey(pem: string): boolean {
  try {
    createPrivateKey(pem);
    return true;
  } catch {
    // Not readable as one: which is what it should be. An encrypted one still has the words in its first line.
    return pem.includes("PRIVATE KEY-----");
  }
}

function algorithmsOf(key: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa" && modulusLength >= 2048) return ["RS256"];
  if (key.asymmetricKeyType === "ec" && namedCurve === "prime256v1") return ["ES256"];
  if (key.asymmetricKeyType === "ed25519") return edwards;
  throw new Error("JWT_PUBLIC_KEY: expected a key of RSA with at least 2048 bits, of P-256, or of Ed25519");
}

/** The name of RFC 8037, and that of RFC 9864 for the same. */
const edwards = ["EdDSA", "Ed25519"] as const;

function remoteKeys(text: string): TokenKeys {
  const url = URL.parse(text);
  if (url === null || !["https:", "http:"].includes(url.protocol)) {
    throw new Error("JWKS_URL: expected an address such as https://id.example.com/.well-known/jwks.json");
  }
  const find = createRemoteJWKSet(url);
  return {
    algorithms: ["RS256", "ES256", ...edwards],
    find: (header, token) => find(header, token).catch(orUnreadable),
  };
}

/** A key that is not in the set is the token's fault; a set that cannot be read is not. */
function orUnreadable(cause: unknown): never {
  if (cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JWKSMultipleMatchingKeys) throw cause;
  throw new ServiceError("internal", "the key set that tokens are checked with cannot be read now", { cause });
}
