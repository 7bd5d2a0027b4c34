import { createHash, timingSafeEqual } from "node:crypto";
import { ServiceError } from "../../protocol/errors.ts";
import { bearerOf } from "./bearer.ts";

/** What a key of the HTTP API opens: pushing and publishing; reading; kicking and draining. None includes another. */
export const scopes = ["publish", "read", "admin"] as const;

export type Scope = (typeof scopes)[number];

/** The two headers a key can come in, as they stand in the request. */
export interface KeyHeaders {
  /** `Bearer <key>`; other schemes are somebody else's and count as nothing. */
  readonly authorization: string | null;
  /** Wins where both are there. */
  readonly xApiKey: string | null;
}

/**
 * The keys of the HTTP API. A key stands alone (`6f1c…`: all scopes) or behind its scopes and an `@`
 * (`publish@6f1c…`, `publish+read@6f1c…`). A key itself has no `@`, so the two cannot be mistaken for each other.
 */
export class ApiKeys {
  readonly #keys: readonly Key[];
  readonly #isSecured: boolean;

  /**
   * @param options `isSecured`: any credential is configured. Without keys an open server lets everyone pass, one that
   *   is secured (by `JWT_*` alone) nobody.
   * @throws Error that names the place in the list, never the key.
   */
  constructor(keys: readonly string[], options: { readonly isSecured: boolean }) {
    this.#keys = keys.map(parseKey);
    this.#isSecured = options.isSecured || keys.length > 0;
    if (new Set(this.#keys.map(({ digest }) => digest.toString("hex"))).size < keys.length) {
      throw new Error("API_KEY: the same key is listed twice; list it once, with all its scopes");
    }
  }

  /** Lets a request pass, or throws ServiceError: "unauthorized" for no key or a wrong one, "forbidden" for its scopes. */
  check(headers: KeyHeaders, scope: Scope): void {
    if (!this.#isSecured) return;
    const given = headers.xApiKey || bearerOf(headers.authorization);
    if (given === undefined) throw new ServiceError("unauthorized", this.#missing());
    const key = this.#find(given);
    if (key === undefined) throw new ServiceError("unauthorized", "the API key is not one of this server's");
    if (key.scopes.includes(scope)) return;
    throw new ServiceError(
      "forbidden",
      `this takes a key with the scope ${scope}; this one has ${key.scopes.join(", ")}`,
    );
  }

  /** Looks at all of them, each by its hash: how long it takes tells nothing about any key. */
  #find(given: string): Key | undefined {
    const digest = digestOf(given);
    let found: Key | undefined;
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) found = key;
    return found;
  }

  #missing(): string {
    if (this.#keys.length === 0) return "the HTTP API is closed: the server has tokens but no key; configure API_KEY";
    return "an API key is needed: send it as Authorization: Bearer <key> or as X-API-Key";
  }
}

interface Key {
  readonly digest: Buffer;
  readonly scopes: readonly Scope[];
}

/** Short enough for people who type one, long enough not to be guessed over a network. */
const minKeyLength = 16;

function parseKey(text: string, index: number): Key {
  const place = `API_KEY, key ${index + 1}`;
  const at = text.indexOf("@");
  const key = text.slice(at + 1);
  const granted = at < 0 ? scopes : parseScopes(text.slice(0, at));
  // What stood before the `@` is not shown: it may be half of a key.
  if (granted === undefined || key.includes("@")) {
    throw new Error(`${place}: only scopes (${scopes.join(", ")}, joined by +) stand before an @, and a key has none`);
  }
  if (!/^[\x21-\x7e]*$/.test(key)) throw new Error(`${place}: expected visible ASCII characters without spaces`);
  if (key.length < minKeyLength) {
    const rule = `expected at least ${minKeyLength} characters, got ${key.length}`;
    throw new Error(`${place}: ${rule}; make one with \`openssl rand -hex 32\``);
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
