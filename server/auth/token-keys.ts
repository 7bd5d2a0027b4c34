import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { errors, type JWTVerifyGetKey } from "jose";
import { jwtSecretFault } from "../../protocol/weak-secret.ts";
import { RemoteKeys } from "./remote-keys.ts";

/** The configured keys that verify tokens. */
export interface KeySettings {
  /** `JWT_SECRET`: its UTF-8 bytes are the key for HS256. */
  readonly secret: string | undefined;
  /** `JWT_PUBLIC_KEY`: PEM, of RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA). */
  readonly publicKey: string | undefined;
  /** `JWKS_URL`: the URL of a key set, for the same three algorithms. */
  readonly jwksUrl: string | undefined;
}

/** The accepted algorithms, and the key for a token's header. */
export interface TokenKeys {
  readonly algorithms: readonly string[];
  /** Only called for one of `algorithms`. */
  readonly find: JWTVerifyGetKey;
}

/**
 * The configured keys, or undefined if there are none. A secret is used only for HS256, and a public key never is.
 * Otherwise anyone who knows the public key could sign tokens with it.
 * @param monotonic the time in milliseconds, on which the caching of `jwksUrl` depends
 * @throws Error that names the setting
 */
export function makeTokenKeys(
  { secret, publicKey, jwksUrl }: KeySettings,
  monotonic = () => performance.now(),
): TokenKeys | undefined {
  if (publicKey !== undefined && jwksUrl !== undefined) {
    throw new Error("JWT_PUBLIC_KEY and JWKS_URL are both set: keep only one of them");
  }
  const parts: TokenKeys[] = [];
  if (secret !== undefined) parts.push(secretKeys(secret));
  if (publicKey !== undefined) parts.push(publicKeys(publicKey));
  if (jwksUrl !== undefined) parts.push(remoteKeys(jwksUrl, monotonic));
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

/** @throws Error for a secret that is too short, or easy to guess */
export function checkSecret(secret: string): Uint8Array {
  const fault = jwtSecretFault(secret);
  if (fault !== undefined) throw new Error(`JWT_SECRET: ${fault}`);
  return new TextEncoder().encode(secret);
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
  // In environment variables, line breaks are often written as `\n`. PEM itself has no backslashes.
  const pem = text.replaceAll("\\n", "\n");
  // createPublicKey would also accept a private key, which does not belong on this server.
  if (isPrivateKey(pem))
    throw new Error("JWT_PUBLIC_KEY: this is a private key; set the public key that belongs to it");
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
    // An encrypted private key cannot be read either, but still says so in its first line.
    return pem.includes("PRIVATE KEY-----");
  }
}

function algorithmsOf(key: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa" && modulusLength >= 2048) return ["RS256"];
  if (key.asymmetricKeyType === "ec" && namedCurve === "prime256v1") return ["ES256"];
  if (key.asymmetricKeyType === "ed25519") return edwards;
  throw new Error("JWT_PUBLIC_KEY: expected an RSA key of at least 2048 bits, a P-256 key or an Ed25519 key");
}

/** The same algorithm has this name in RFC 8037, and the other one in RFC 9864. */
const edwards = ["EdDSA", "Ed25519"] as const;

function remoteKeys(text: string, monotonic: () => number): TokenKeys {
  const url = URL.parse(text);
  if (url === null || !["https:", "http:"].includes(url.protocol)) {
    throw new Error("JWKS_URL: expected a URL such as https://id.example.com/.well-known/jwks.json");
  }
  return { algorithms: ["RS256", "ES256", ...edwards], find: new RemoteKeys(url, monotonic).find };
}
