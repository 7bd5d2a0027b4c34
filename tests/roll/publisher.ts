import type { Driver } from "./driver.ts";

/** How long after a failed attempt the next one follows, milliseconds. */
const retryMs = 50;
/** How long a message is retried before it counts as unpublished. Milliseconds. */
const giveUpMs = 90_000;

/** Publishes numbered messages at a steady rate, one at a time, and retries each with the same id until it is acknowledged. */
export class SteadyPublisher {
  readonly name: string;
  /** The acknowledged texts, in order. */
  readonly acknowledged: string[] = [];
  /** Failed attempts. A retry with the same id succeeded later, unless the message is in `unpublished`. */
  errors = 0;
  readonly unpublished: string[] = [];
  readonly #driver: Driver;
  readonly #via: "http" | "websocket";
  readonly #everyMs: number;
  #isStopping = false;
  #loop: Promise<void> = Promise.resolve();

  constructor(driver: Driver, name: string, options: { readonly via: "http" | "websocket"; readonly everyMs: number }) {
    this.name = name;
    this.#driver = driver;
    this.#via = options.via;
    this.#everyMs = options.everyMs;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Resolves once the last message is acknowledged. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#loop;
  }

  async #run(): Promise<void> {
    const began = performance.now();
    for (let n = 0; !this.#isStopping; n++) {
      const waitMs = began + n * this.#everyMs - performance.now();
      if (waitMs > 0) await Bun.sleep(waitMs);
      await this.#publish(`${this.name}:${n}`);
    }
  }

  async #publish(text: string): Promise<void> {
    const until = performance.now() + giveUpMs;
    while (performance.now() < until) {
      try {
        await this.#driver.publish({ id: text, text }, this.#via);
        this.acknowledged.push(text);
        return;
      } catch {
        this.errors++;
        await Bun.sleep(retryMs);
      }
    }
    this.unpublished.push(text);
  }
}
