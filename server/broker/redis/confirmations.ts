import type { Shard } from "../../lib/redis/shard.ts";

/** How long replicas have to confirm, milliseconds. */
const replicasMs = 1000;

/**
 * Asks primaries how many replicas have what was sent to them (`WAIT`).
 *
 * WAIT holds up everything behind it on its connection, for the whole time where a replica is away. So there is one at a
 * time per primary, and the next one is for all that was sent meanwhile.
 */
export class Confirmations {
  readonly #replicas: number;
  /** Asked, not answered. */
  readonly #asked = new WeakMap<Shard, Promise<number>>();
  /** Not asked yet. */
  readonly #coming = new WeakMap<Shard, Promise<number>>();

  /** @param replicas so many are waited for */
  constructor(replicas: number) {
    this.#replicas = replicas;
  }

  /** How many replicas have what was sent to the primary before this call. @throws RedisUnreachable */
  count(shard: Shard): Promise<number> {
    const coming = this.#coming.get(shard);
    if (coming !== undefined) return coming;
    const ask = () => this.#ask(shard);
    const next = (this.#asked.get(shard) ?? Promise.resolve(0)).then(ask, ask);
    this.#coming.set(shard, next);
    return next;
  }

  #ask(shard: Shard): Promise<number> {
    const answer = shard.commands.call("WAIT", this.#replicas, replicasMs).then(Number);
    this.#coming.delete(shard);
    this.#asked.set(shard, answer);
    return answer;
  }
}
