import { getLogger } from "@logtape/logtape";
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from "jose";
import { ServiceError } from "../../protocol/errors.ts";
import { backoff } from "../lib/backoff.ts";

/** How long a key set is used before it is fetched again. */
const freshMs = 600_000;
/** Pause between two fetches because of keys that the set does not list, so that forged tokens cause few. */
const unknownKeyMs = 30_000;
/** How many of those keys are remembered, and how long their names may be. */
const maxUnknown = 1000;
const maxNameLength = 200;
/** Pause after a failed fetch. */
const retry = { firstMs: 1000, maxMs: 60_000 };
const timeoutMs = 5000;
/** Far above a real set. */
const maxBytes = 1024 * 1024;

type KeySet = ReturnType<typeof createLocalJWKSet>;
type Header = Parameters<JWTVerifyGetKey>[0];
type Token = Parameters<JWTVerifyGetKey>[1];

/**
 * The key set at `JWKS_URL`. It is fetched when the first token needs it, and again in the background when it is old. While
 * the provider does not respond, the old set is used, the fetches are repeated with growing pauses, and the outage is
 * logged once.
 *
 * A token whose key is not listed is refused for good only if the set was fetched after that key was first asked for. Until
 * then the key may be new, so its client is told to try again later.
 */
export class RemoteKeys {
  readonly #url: URL;
  readonly #authorization: string | undefined;
  readonly #monotonic: () => number;
  #keys: KeySet | undefined;
  /** Keys that the set did not list, and when they were first asked for. */
  readonly #unknown = new Map<string, number>();
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #retryAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #fetching: Promise<void> | undefined;

  /** @param url may contain a user and a password, which are sent as `Authorization: Basic` and never shown */
  constructor(url: URL, monotonic: () => number) {
    const { username, password } = url;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    this.#authorization = credentials === ":" ? undefined : `Basic ${Buffer.from(credentials).toString("base64")}`;
    this.#url = new URL(url);
    this.#url.username = "";
    this.#url.password = "";
    this.#monotonic = monotonic;
  }

  /** Finds the key of a token. @throws ServiceError "keys-unavailable" if the key may be listed later, or an error of jose */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const now = this.#monotonic();
    if (now - this.#fetchedAt > freshMs) this.#fetchIfDue(now);
    if (this.#keys === undefined) await this.#fetching;
    if (this.#keys === undefined) {
      throw this.#unavailable("cannot read the key set (JWKS_URL) to verify the token: try again later", this.#retryAt);
    }
    return (await this.#listed(header, token)) ?? this.#findNew(header, token, now);
  };

  /** Finds a key that the set does not list. The provider may have published it since. */
  async #findNew(header: Header, token: Token, now: number): ReturnType<KeySet> {
    const askedAt = this.#firstAskedAt(header, now);
    if (now - this.#fetchedAt >= unknownKeyMs) {
      this.#fetchIfDue(now);
      await this.#fetching;
    }
    const key = await this.#listed(header, token);
    if (key !== undefined) return key;
    const mayFetchAt = this.#fetchedAt + unknownKeyMs;
    if (this.#fetchedAt >= askedAt && this.#monotonic() < mayFetchAt) throw new errors.JWKSNoMatchingKey();
    const message = "the key that signed the token is not known yet (JWKS_URL): try again later";
    throw this.#unavailable(message, Math.max(mayFetchAt, this.#retryAt));
  }

  async #listed(header: Header, token: Token): Promise<Awaited<ReturnType<KeySet>> | undefined> {
    try {
      return await this.#keys?.(header, token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      throw error;
    }
  }

  #firstAskedAt({ alg, kid }: Header, now: number): number {
    const name = `${alg} ${kid}`;
    const known = this.#unknown.get(name);
    if (known !== undefined || name.length > maxNameLength) return known ?? now;
    const [oldest] = this.#unknown.keys();
    if (this.#unknown.size >= maxUnknown && oldest !== undefined) this.#unknown.delete(oldest);
    this.#unknown.set(name, now);
    return now;
  }

  #fetchIfDue(now: number): void {
    if (now < this.#retryAt) return;
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
  }

  /** Never rejects. */
  async #fetch(): Promise<void> {
    try {
      this.#keys = createLocalJWKSet(await this.#read());
      this.#fetchedAt = this.#monotonic();
      if (this.#failures > 0) log().info("The key set of JWKS_URL can be read again");
      this.#failures = 0;
    } catch (error) {
      this.#failures++;
      this.#retryAt = this.#monotonic() + backoff(this.#failures, retry);
      if (this.#failures > 1) return;
      const consequence = this.#keys === undefined ? "tokens cannot be verified" : "the keys that are known are used";
      log().warning("Cannot read the key set at {url} (JWKS_URL), so {consequence}: {error}", {
        url: this.#url.href,
        consequence,
        // Without the stack: the fault is at the provider, not in this program.
        error: error instanceof Error ? error.message : String(error),
      });
    }
  }

  async #read(): Promise<JSONWebKeySet> {
    const headers: Record<string, string> = { Accept: "application/jwk-set+json, application/json" };
    if (this.#authorization !== undefined) headers.Authorization = this.#authorization;
    const response = await fetch(this.#url, { headers, signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`expected status 200, got ${response.status}`);
    return JSON.parse(await textOf(response)) as JSONWebKeySet;
  }

  #unavailable(message: string, until: number): ServiceError {
    const retryAfterMs = Math.max(0, Math.ceil(until - this.#monotonic()));
    // Without the cause, which would be logged for each client. The fetch that failed has logged it once.
    return new ServiceError("keys-unavailable", message, { retryAfterMs });
  }
}

/** Stops at the limit. The answer may be compressed, so that its Content-Length says little. */
async function textOf({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`expected at most ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

const log = () => getLogger(["fanfare", "auth"]);
