import { createClient } from "../../client/client.ts";
import type { Ledger } from "./ledger.ts";

/** How long an answer may take before the request is given up and made again; doubles with each try. Milliseconds. */
const patienceMs = { first: 100, most: 4000 };
/** Of a message in a channel with a short history. */
const paddingLength = 4000;

/** What is said: the text stands in `data`, padding in `message`. */
export interface Saying {
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

/** Stores what is said, however often it must be tried. */
export interface Mouth extends Disposable {
  say(saying: Saying): Promise<Stored>;
  /** Tries at once where the next try is waited for. */
  hurry(): void;
}

/**
 * Publishes by HTTP until it is acknowledged, over lines that break.
 * @param retriesWithSameId without it each try is a message of its own: the checker must see what is stored twice
 */
export function httpMouth(url: string, retriesWithSameId: boolean, random: () => number): Mouth {
  let isOver = false;
  return {
    async say({ channel, text, padding }) {
      const id = crypto.randomUUID();
      for (let ms = patienceMs.first; !isOver; ms = Math.min(2 * ms, patienceMs.most)) {
        const draft = { channel, data: text, message: padding, id: retriesWithSameId ? id : crypto.randomUUID() };
        const headers = { "Content-Type": "application/json" };
        const request = { method: "POST", headers, body: JSON.stringify(draft), signal: AbortSignal.timeout(ms) };
        try {
          const answer = await fetch(`${url}/v1/publish`, request);
          if (answer.status === 200) return (await answer.json()) as Stored;
        } catch {
          // Nobody knows whether it was stored.
        }
        await Bun.sleep(20 + random() * 100);
      }
      throw new Error("the publisher was stopped");
    },
    hurry: () => undefined,
    [Symbol.dispose]() {
      isOver = true;
    },
  };
}

/** Publishes with the SDK, which tries again by itself. */
export function sdkMouth(url: string, transport: "websocket" | "sse"): Mouth {
  const client = createClient(url, { transports: [transport] });
  return {
    async say({ channel, text, padding }) {
      const ack = await client.channel<string>(channel).publish(text, { message: padding });
      const { epoch = "", offset = 0, duplicate } = ack;
      return { epoch, offset, duplicate };
    },
    hurry: () => client.connect(),
    [Symbol.dispose]: () => client.close(),
  };
}

/** One who publishes one message after the other, into channels by chance, and waits for each to be acknowledged. */
export class Publisher {
  /** Messages of which the acknowledgement was lost, and that were acknowledged when they were said again. */
  duplicates = 0;
  readonly #name: string;
  readonly #mouth: Mouth;
  readonly #ledger: Ledger;
  readonly #random: () => number;
  #said = 0;
  #isStopping = false;
  #loop = Promise.resolve();

  constructor(name: string, mouth: Mouth, ledger: Ledger, random: () => number) {
    this.#name = name;
    this.#mouth = mouth;
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

  /** Resolves when the last message that was begun is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#mouth.hurry();
    await this.#loop;
  }

  async say(channel: string): Promise<void> {
    const text = `${this.#name}:${this.#said++}`;
    // So much that what a worker keeps by itself is as short as the history of these channels.
    const padding = channel.startsWith("brief:") ? "x".repeat(paddingLength) : "-";
    const { epoch, offset, duplicate } = await this.#mouth.say({ channel, text, padding });
    if (duplicate) this.duplicates++;
    this.#ledger.acknowledge({ channel, epoch, offset, text });
  }

  [Symbol.dispose](): void {
    this.#isStopping = true;
    this.#mouth[Symbol.dispose]();
  }
}
