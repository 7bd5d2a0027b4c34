import { askedWait } from "../backoff.ts";
import { type OptionTable, refuseUnknownOptions } from "../known-options.ts";
import { makeGate } from "./gate.ts";
import { PublishError } from "./publish-error.ts";
import { type PublisherEnvironment, sendWithRetry, systemEnvironment } from "./request.ts";

export interface PublisherOptions {
  /** The server's address, such as `https://push.example.com`. A path before `/v1` is kept. */
  readonly url: string;
  /** Not needed for an open server. */
  readonly apiKey?: string | undefined;
  /** How long one attempt may take. Milliseconds; 10 000 by default. */
  readonly timeoutMs?: number | undefined;
  /** How long a publication may take with all attempts. Milliseconds; 30 000 by default, 0 for a single attempt. */
  readonly retryMs?: number | undefined;
  /** How many publications of a batch are sent at a time; 16 by default. */
  readonly concurrency?: number | undefined;
}

/** Optional fields of a publication. docs/protocol.md has the rules. */
export interface PublishOptions {
  /** Generated if absent. A publication with the id of another one in the same channel is not stored again. */
  readonly id?: string | undefined;
  /** Text, besides the data or in place of it. */
  readonly message?: string | undefined;
  readonly event?: string | undefined;
  readonly sender?: string | undefined;
  readonly key?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Only for clients that are connected now. It is not stored, and a retry may deliver it twice. */
  readonly ephemeral?: boolean | undefined;
  /** This connection does not receive it. */
  readonly excludeConnectionId?: string | undefined;
  /** Ends the attempts. */
  readonly signal?: AbortSignal | undefined;
}

/** The publication is stored, with this position. */
export interface Receipt {
  readonly channel: string;
  readonly id: string;
  readonly epoch: string;
  /** Absent for an ephemeral publication. */
  readonly offset?: number;
  /** It was already stored by an earlier attempt or publication with the same id. */
  readonly duplicate: boolean;
  /** For a push to a user: whether the user is connected. */
  readonly connected?: boolean;
}

/** One publication of a batch: to a channel, or to a user. */
export type BatchItem = PublishOptions & { readonly data?: unknown } & (
    | { readonly channel: string; readonly userId?: undefined }
    | { readonly userId: string; readonly channel?: undefined }
  );

export type BatchResult = { readonly receipt: Receipt; readonly error?: undefined } | { readonly error: PublishError };

/**
 * Publishes from a backend. Every publication has an id, so it is stored once although it is sent again after a lost answer.
 * It is retried while the server says that it may succeed later, until `retryMs` is over.
 */
export interface Publisher {
  /** @throws PublishError, or TypeError for data that cannot be JSON and for unknown options */
  publish(channel: string, data: unknown, options?: PublishOptions): Promise<Receipt>;
  /** Publishes to all connections of a user. @throws the same */
  push(userId: string, data: unknown, options?: PublishOptions): Promise<Receipt>;
  /**
   * Publishes many. Publications to the same target are sent one after the other, in the order of the list.
   * @returns one result per item, in the same order; never throws because of the server's answers
   * @throws TypeError before anything is sent if an item has an unknown field
   */
  batch(items: readonly BatchItem[]): Promise<readonly BatchResult[]>;
}

const publisherOptions: OptionTable<PublisherOptions> = {
  ...{ url: true, apiKey: true, timeoutMs: true, retryMs: true, concurrency: true },
};
const publishOptions: OptionTable<PublishOptions> = {
  ...{ id: true, message: true, event: true, sender: true, key: true, headers: true, ephemeral: true },
  ...{ excludeConnectionId: true, signal: true },
};
const itemFields: OptionTable<BatchItem> = { ...publishOptions, channel: true, userId: true, data: true };

/** @throws TypeError if an option is unknown or breaks its rule */
export function createPublisher(options: PublisherOptions): Publisher {
  return makePublisher(options, systemEnvironment);
}

/** With time, randomness and `fetch` passed in. */
export function makePublisher(options: PublisherOptions, environment: PublisherEnvironment): Publisher {
  refuseUnknownOptions("createPublisher", options, Object.keys(publisherOptions));
  const { apiKey, timeoutMs = 10_000, retryMs = 30_000, concurrency = 16 } = options;
  const url = addressOf(options.url);
  checkNumber("timeoutMs", timeoutMs, 1);
  checkNumber("retryMs", retryMs, 0);
  checkNumber("concurrency", concurrency, 1);
  const headers = { "Content-Type": "application/json", ...(apiKey ? { Authorization: `Bearer ${apiKey}` } : {}) };

  async function send(target: object, data: unknown, more: PublishOptions = {}): Promise<Receipt> {
    const { signal, excludeConnectionId, id = makeId(), ...fields } = more;
    const body = JSON.stringify({ ...fields, ...target, data, id, exclude_connection_id: excludeConnectionId });
    const answer = await sendWithRetry({ url, headers, body, id, signal, timeoutMs, retryMs }, environment);
    return answer as Receipt;
  }

  async function sendItem(item: BatchItem): Promise<BatchResult> {
    const { channel, userId, data, ...more } = item;
    try {
      return { receipt: await send(userId === undefined ? { channel } : { user_id: userId }, data, more) };
    } catch (error) {
      if (error instanceof PublishError) return { error };
      throw error;
    }
  }

  return {
    async publish(channel, data, more) {
      refuseUnknownOptions("publish", more, Object.keys(publishOptions));
      return send({ channel }, data, more);
    },
    async push(userId, data, more) {
      refuseUnknownOptions("push", more, Object.keys(publishOptions));
      return send({ user_id: userId }, data, more);
    },
    async batch(items) {
      if (!Array.isArray(items)) throw new TypeError("batch: expected an array of publications");
      for (const item of items) refuseUnknownOptions("batch", item, Object.keys(itemFields));
      const enter = makeGate(concurrency);
      const last = new Map<string, Promise<unknown>>();
      const results = items.map((item) => {
        const target = item.userId === undefined ? `c${item.channel}` : `u${item.userId}`;
        const before = last.get(target) ?? Promise.resolve();
        const result = before.then(() => enter(() => sendItem(item)));
        last.set(
          target,
          result.catch(() => {}), // reported by the result itself
        );
        return result;
      });
      return Promise.all(results);
    },
  };
}

function addressOf(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (base?.protocol !== "http:" && base?.protocol !== "https:") {
    throw new TypeError(`url: expected an address such as https://push.example.com, got ${JSON.stringify(url)}`);
  }
  return new URL("v1/publish", base.href.endsWith("/") ? base : `${base.href}/`);
}

function checkNumber(name: string, value: number, least: number): void {
  // The longest delay of a timer is 24 days; askedWait allows one.
  if (Number.isFinite(value) && value >= least && value === (askedWait(value) || 0)) return;
  throw new TypeError(`${name}: expected a number from ${least} to 86400000, got ${value}`);
}

/** 128 random bits. Not randomUUID, which some edge runtimes lack. */
function makeId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
