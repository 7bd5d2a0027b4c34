import type { Clock } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { Shard } from "../../lib/redis/shard.ts";
import type { RedisStore } from "../../lib/redis/store.ts";

/**
 * Finds subscriptions that deliver nothing although their connection looks alive: this worker publishes to itself with each
 * heartbeat, over each primary, and expects to receive it.
 */
export class Echo {
  readonly #store: RedisStore;
  readonly #clock: Clock;
  readonly #base: string;
  readonly #silenceMs: number;
  readonly #id = randomId(9);
  /** When each topic was heard last, or subscribed to. */
  readonly #heardAt = new Map<string, number>();

  /** @param base the beginning of the topics */
  constructor(
    store: RedisStore,
    clock: Clock,
    { base, silenceMs }: { readonly base: string; readonly silenceMs: number },
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#base = base;
    this.#silenceMs = silenceMs;
  }

  /** @returns whether it is one of these topics */
  receive(topic: string): boolean {
    if (!this.#heardAt.has(topic)) return false;
    this.#heardAt.set(topic, this.#clock.monotonic());
    return true;
  }

  /** The connections are new: messages that were not heard before do not count. */
  reset(): void {
    for (const topic of this.#heardAt.keys()) this.#heardAt.set(topic, this.#clock.monotonic());
  }

  /** Calls once over each primary. Reopens the connections to one that was not heard for too long. */
  async call(): Promise<void> {
    if (!this.#store.isUp) return; // then nothing is heard anyway, and `reset` follows
    await Promise.all(this.#store.shards.map((shard) => this.#callOver(shard)));
  }

  async #callOver(shard: Shard): Promise<void> {
    const key = this.#store.keyAt(shard, this.#base);
    if (key === undefined) return;
    const topic = `${key}:echo:${this.#id}`;
    const heardAt = this.#heardAt.get(topic);
    const now = this.#clock.monotonic();
    if (heardAt !== undefined && now - heardAt > this.#silenceMs) {
      this.#heardAt.set(topic, now);
      this.#store.restart(shard);
      return;
    }
    if (heardAt === undefined) {
      this.#heardAt.set(topic, now);
      await this.#store.subscribe([topic]);
    }
    await shard.commands.call(this.#store.publishVerb, topic, "1");
  }
}
