import type { Shard } from "../../lib/redis/shard.ts";

/** The timeout of `WAIT`, milliseconds. */
const replicasMs = 1000;

/**
 * Asks primaries how many replicas have received everything sent so far (`WAIT`).
 *
 * WAIT blocks all later commands on its connection, up to the full timeout if a replica is down. So each primary has one
 * WAIT in flight, and the next one covers everything sent in the meantime.
 */
export class Confirmations {
  readonly #replicas: number;
  /** Sent, not answered. */
  readonly #inFlight = new WeakMap<Shard, Promise<number>>();
  /** Not sent yet. */
  readonly #next = new WeakMap<Shard, Promise<number>>();

  /** @param replicas how many to wait for */
  constructor(replicas: number) {
    this.#replicas = replicas;
  }

  /** How much later than usual a command may be answered, milliseconds: one WAIT is in flight, and the next may be sent before it. */
  get delayMs(): number {
    return this.#replicas === 0 ? 0 : 2 * replicasMs;
  }

  /** How many replicas have everything sent to the primary before this call. @throws RedisUnreachable */
  count(shard: Shard): Promise<number> {
    const waiting = this.#next.get(shard);
    if (waiting !== undefined) return waiting;
    const ask = () => this.#ask(shard);
    const next = (this.#inFlight.get(shard) ?? Promise.resolve(0)).then(ask, ask);
    this.#next.set(shard, next);
    return next;
  }

  #ask(shard: Shard): Promise<number> {
    const answer = shard.commands.call("WAIT", this.#replicas, replicasMs).then(Number);
    this.#next.delete(shard);
    this.#inFlight.set(shard, answer);
    return answer;
  }
}
