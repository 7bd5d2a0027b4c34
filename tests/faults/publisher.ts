import { createClient } from "../../client/client.ts";
import type { Ledger } from "./ledger.ts";

/** Timeout of a request before it is retried; doubles with each try. Milliseconds. */
const timeoutMs = { first: 100, most: 4000 };
/** For messages in channels with a short history. Characters. */
const paddingLength = 4000;

/** A message to publish: `text` is sent as `data`, `padding` as `message`. */
export interface OutgoingMessage {
  readonly channel: string;
  readonly text: string;
  readonly padding: string;
}

/** Where it was stored. */
export interface Stored {
  readonly epoch: string;
  readonly offset: number;
  /** An earlier try stored it. */
  readonly duplicate: boolean;
}

/** Publishes messages, and retries until each is stored. */
export interface SendingClient extends Disposable {
  say(saying: OutgoingMessage): Promise<Stored>;
  /** Retries at once instead of waiting. */
  retryNow(): void;
}

/**
 * Publishes over HTTP, and retries until the message is acknowledged.
 * @param retriesWithSameId without it each try has a new id, and the checker must find messages that are stored twice
 */
export function httpSender(url: string, retriesWithSameId: boolean, random: () => number): SendingClient {
  let isOver = false;
  return {
    async say({ channel, text, padding }) {
      const id = crypto.randomUUID();
      for (let ms = timeoutMs.first; !isOver; ms = Math.min(2 * ms, timeoutMs.most)) {
        const draft = { channel, data: text, message: padding, id: retriesWithSameId ? id : crypto.randomUUID() };
        const headers = { "Content-Type": "application/json" };
        const request = { method: "POST", headers, body: JSON.stringify(draft), signal: AbortSignal.timeout(ms) };
        try {
          const answer = await fetch(`${url}/v1/publish`, request);
          if (answer.status === 200) return (await answer.json()) as Stored;
        } catch {
          // It is unknown whether it was stored.
        }
        await Bun.sleep(20 + random() * 100);
      }
      throw new Error("the publisher was stopped");
    },
    retryNow: () => undefined,
    [Symbol.dispose]() {
      isOver = true;
    },
  };
}

/** Publishes with the SDK, which retries by itself. */
export function sdkSender(url: string, transport: "websocket" | "sse"): SendingClient {
  const client = createClient(url, { transports: [transport] });
  return {
    async say({ channel, text, padding }) {
      const ack = await client.channel<string>(channel).publish(text, { message: padding });
      const { epoch = "", offset = 0, duplicate } = ack;
      return { epoch, offset, duplicate };
    },
    retryNow: () => client.connect(),
    [Symbol.dispose]: () => client.close(),
  };
}

/** Publishes one message after the other to random channels, and waits for each acknowledgement. */
export class Publisher {
  /** Messages whose acknowledgement was lost, and that were acknowledged when they were retried. */
  duplicates = 0;
  readonly #name: string;
  readonly #sender: SendingClient;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  #said = 0;
  #isStopping = false;
  #loop = Promise.resolve();

  constructor(name: string, sender: SendingClient, ledger: Ledger, random: () => number) {
    this.#name = name;
    this.#sender = sender;
    this.#ledger = ledger;
    this.#random = random;
  }

  /** @param pauseMs on average between an acknowledgement and the next message */
  start(channels: readonly string[], pauseMs: number): void {
    const run = async () => {
      while (!this.#isStopping) {
        await this.say(channels[Math.floor(this.#random() * channels.length)] ?? "");
        await Bun.sleep(this.#random() * 2 * pauseMs);
      }
    };
    this.#loop = run();
  }

  /** Resolves when the last message is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#sender.retryNow();
    await this.#loop;
  }

  async say(channel: string): Promise<void> {
    const text = `${this.#name}:${this.#said++}`;
    // Enough that the worker's own copy of the history is as short as the history of these channels.
    const padding = channel.startsWith("brief:") ? "x".repeat(paddingLength) : "-";
    const { epoch, offset, duplicate } = await this.#sender.say({ channel, text, padding });
    if (duplicate) this.duplicates++;
    this.#ledger.acknowledge({ channel, epoch, offset, text });
  }

  [Symbol.dispose](): void {
    this.#isStopping = true;
    this.#sender[Symbol.dispose]();
  }
}
