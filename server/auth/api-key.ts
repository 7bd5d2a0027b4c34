import { createHash, timingSafeEqual } from "node:crypto";
import { ServiceError } from "../../protocol/errors.ts";
import { weaknessOf } from "../../protocol/weak-secret.ts";
import { bearerOf } from "./bearer.ts";

/** Scopes of API keys. `publish`: push and publish. `read`: read. `admin`: close connections and drain. None includes another. */
export const scopes = ["publish", "read", "admin"] as const;

export type Scope = (typeof scopes)[number];

/** The two request headers that can carry a key. */
export interface KeyHeaders {
  /** `Bearer <key>`. Other schemes are ignored. */
  readonly authorization: string | null;
  /** Wins if both are present. */
  readonly xApiKey: string | null;
}

/**
 * The keys of the HTTP API. A key is written alone (`6f1c…`: all scopes) or after its scopes and an `@`
 * (`publish@6f1c…`, `publish+read@6f1c…`). A key cannot contain an `@`, so this is unambiguous.
 */
export class ApiKeys {
  readonly #keys: readonly Key[];
  readonly #isSecured: boolean;

  /**
   * @param options `isSecured`: any credential is configured. Without keys, an open server accepts every request, and a
   *   server secured only by `JWT_*` accepts none.
   * @throws Error that names the index of the invalid key, but does not contain the key
   */
  constructor(keys: readonly string[], options: { readonly isSecured: boolean }) {
    this.#keys = keys.map(parseKey);
    this.#isSecured = options.isSecured || keys.length > 0;
    if (new Set(this.#keys.map(({ digest }) => digest.toString("hex"))).size < keys.length) {
      throw new Error("API_KEY: the same key is listed twice; list it once, with all its scopes");
    }
  }

  /**
   * @returns the key's place in the list, from 1; undefined on an open server, which needs none
   * @throws ServiceError "unauthorized" for a missing or wrong key, "forbidden" if the key lacks the scope
   */
  check(headers: KeyHeaders, scope: Scope): number | undefined {
    if (!this.#isSecured) return undefined;
    const given = headers.xApiKey || bearerOf(headers.authorization);
    if (given === undefined) throw new ServiceError("unauthorized", this.#missing());
    return this.#numberOf(this.#known(given, scope));
  }

  /**
   * For a listener that requires no key: a key that is sent must be right all the same.
   * @param scope the scope that it must have; undefined: any
   * @returns as `check`
   * @throws ServiceError "unauthorized" or "forbidden"
   */
  checkIfGiven(headers: KeyHeaders, scope?: Scope): number | undefined {
    const given = headers.xApiKey || bearerOf(headers.authorization);
    if (!this.#isSecured || given === undefined) return undefined;
    return this.#numberOf(this.#known(given, scope));
  }

  /** Compares the hashes of all keys, so that the duration reveals nothing about a key. */
  #find(given: string): Key | undefined {
    const digest = digestOf(given);
    let found: Key | undefined;
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) found = key;
    return found;
  }

  #numberOf(key: Key): number {
    return this.#keys.indexOf(key) + 1;
  }

  #known(given: string, scope: Scope | undefined): Key {
    const key = this.#find(given);
    if (key === undefined) throw new ServiceError("unauthorized", this.#wrong(given));
    if (scope === undefined || key.scopes.includes(scope)) return key;
    const rule = `this requires a key with the scope ${scope}`;
    throw new ServiceError("forbidden", `${rule}; the key has ${key.scopes.join(", ")}`);
  }

  /** Says nothing about a token but that it is one, which its sender knows. */
  #wrong(given: string): string {
    if (this.#keys.length === 0) return this.#missing();
    if (tokenPattern.test(given)) return "an API key is required, got a user's token, which is not accepted here";
    return "the API key is wrong: expected one of the keys in the server's API_KEY";
  }

  #missing(): string {
    if (this.#keys.length === 0) return "the HTTP API is closed because no API key is configured: set API_KEY";
    return "an API key is required: send it as Authorization: Bearer <key> or as X-API-Key";
  }
}

/** A JWT: its header is a JSON object, and `{"` in base64 begins with `eyJ`. */
const tokenPattern = /^eyJ[\w-]*\.[\w-]*\.[\w-]*$/;

interface Key {
  readonly digest: Buffer;
  readonly scopes: readonly Scope[];
}

/** Too long to be guessed over a network. */
const minKeyLength = 16;

function parseKey(text: string, index: number): Key {
  const place = `API_KEY, key ${index + 1}`;
  const at = text.indexOf("@");
  const key = text.slice(at + 1);
  const granted = at < 0 ? scopes : parseScopes(text.slice(0, at));
  // The part before the `@` is not shown, because it may be half of a key.
  if (granted === undefined || key.includes("@")) {
    throw new Error(
      `${place}: expected only scopes (${scopes.join(", ")}, joined by +) before the @, and no @ in the key`,
    );
  }
  if (!/^[\x21-\x7e]*$/.test(key)) throw new Error(`${place}: expected visible ASCII characters without spaces`);
  if (key.length < minKeyLength) {
    const rule = `expected at least ${minKeyLength} characters, got ${key.length}`;
    throw new Error(`${place}: ${rule}; make one with \`openssl rand -hex 32\``);
  }
  const weakness = weaknessOf(key);
  if (weakness !== undefined) {
    throw new Error(`${place}: expected a random key, got ${weakness}; make one with \`openssl rand -hex 32\``);
  }
  return { digest: digestOf(key), scopes: granted };
}

function parseScopes(text: string): readonly Scope[] | undefined {
  const names = text.split("+");
  const known = scopes.filter((scope) => names.includes(scope));
  return known.length === names.length ? known : undefined;
}

function digestOf(key: string): Buffer {
  return createHash("sha256").update(key).digest();
}
