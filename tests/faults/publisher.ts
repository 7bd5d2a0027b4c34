import { createClient } from "../../client/client.ts";
import type { Ledger } from "./ledger.ts";

/** How long an answer may take before the request is given up and made again. Milliseconds. */
const answerMs = 4000;
/** Of a message in a channel with a short history. */
const paddingLength = 4000;

/** What is said: the text stands in `data`, padding in `message`. */
export interface Saying {
  readonly channel: string;
  readonly text: string;
  readonly padding: string;
}

/** Stores what is said, however often it must be tried. */
export interface Mouth extends Disposable {
  say(saying: Saying): Promise<{ readonly epoch: string; readonly offset: number }>;
}

/**
 * Publishes by HTTP until it is acknowledged, over lines that break.
 * @param retriesWithSameId without it each try is a message of its own: the checker must see what is stored twice
 */
export function httpMouth(url: string, retriesWithSameId: boolean): Mouth {
  let isOver = false;
  return {
    async say({ channel, text, padding }) {
      const id = crypto.randomUUID();
      while (!isOver) {
        const draft = { channel, data: text, message: padding, id: retriesWithSameId ? id : crypto.randomUUID() };
        const headers = { "Content-Type": "application/json" };
        const request = { method: "POST", headers, body: JSON.stringify(draft), signal: AbortSignal.timeout(answerMs) };
        try {
          const answer = await fetch(`${url}/v1/publish`, request);
          if (answer.status === 200) return (await answer.json()) as { epoch: string; offset: number };
        } catch {
          // Nobody knows whether it was stored.
        }
        await Bun.sleep(20 + Math.random() * 100);
      }
      throw new Error("the publisher was stopped");
    },
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
      const { epoch = "", offset = 0 } = await client.channel<string>(channel).publish(text, { message: padding });
      return { epoch, offset };
    },
    [Symbol.dispose]: () => client.close(),
  };
}

/** One who publishes one message after the other, into channels by chance, and waits for each to be acknowledged. */
export class Publisher {
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
    await this.#loop;
  }

  async say(channel: string): Promise<void> {
    const text = `${this.#name}:${this.#said++}`;
    // So much that what a worker keeps by itself is as short as the history of these channels.
    const padding = channel.startsWith("brief:") ? "x".repeat(paddingLength) : "-";
    const { epoch, offset } = await this.#mouth.say({ channel, text, padding });
    this.#ledger.acknowledge({ channel, epoch, offset, text });
  }

  [Symbol.dispose](): void {
    this.#isStopping = true;
    this.#mouth[Symbol.dispose]();
  }
}
