import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import type { OldRecord, Testimony } from "./talk.ts";

/** Channels in one question to the others. */
const batchSize = 1000;

export interface SettlementDependencies {
  /** What the record says now: its top, or that it belongs to another life. */
  look(channel: ChannelName): Promise<Position | OldRecord>;
  ask(records: readonly OldRecord[]): Promise<readonly Testimony[]>;
  /** Brings the record into the present life, unless somebody else did. */
  settle(record: OldRecord, isKept: boolean): Promise<Position | OldRecord>;
}

interface Pending {
  readonly done: Promise<void>;
  readonly resolve: () => void;
}

/**
 * Settles channels whose record was written in another life of Redis: after a restart, a failover, or a copy that was put
 * back. Where every member answers, and none has seen more than Redis has, the epoch goes on and nobody notices. Else it
 * is a new one, so that no position ever names two publications.
 */
export class Settlement {
  readonly #dependencies: SettlementDependencies;
  readonly #pending = new Map<ChannelName, Pending>();
  #isRunning = false;

  constructor(dependencies: SettlementDependencies) {
    this.#dependencies = dependencies;
  }

  isPending(channel: ChannelName): boolean {
    return this.#pending.has(channel);
  }

  /** Resolves once the channel was settled, or could not be: then whoever needs it meets the other life again. */
  settle(channel: ChannelName): Promise<void> {
    const known = this.#pending.get(channel);
    if (known !== undefined) return known.done;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pending.set(channel, { done: promise, resolve });
    if (!this.#isRunning) void this.#run();
    return promise;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    await undefined; // what is found in the same turn is asked together
    while (this.#pending.size > 0) {
      const batch = Array.from(this.#pending.keys()).slice(0, batchSize);
      try {
        await this.#settleBatch(batch);
      } catch (error) {
        getLogger(["fanfare", "broker"]).debug("Could not settle {count} channels yet: {error}", {
          count: batch.length,
          error,
        });
      }
      for (const channel of batch) {
        this.#pending.get(channel)?.resolve();
        this.#pending.delete(channel);
      }
    }
    this.#isRunning = false;
  }

  async #settleBatch(channels: readonly ChannelName[]): Promise<void> {
    const { look, ask, settle } = this.#dependencies;
    const found = await Promise.all(channels.map((it) => look(it)));
    const old = found.filter((it): it is OldRecord => "life" in it);
    if (old.length === 0) return;
    const testimonies = await ask(old);
    const keeps = old.map(({ top }, at) => {
      const testimony = testimonies[at];
      return testimony?.isComplete === true && testimony.highest <= top;
    });
    await Promise.all(old.map((record, at) => settle(record, keeps[at] === true)));
    const kept = keeps.filter((it) => it).length;
    getLogger(["fanfare", "broker"]).warning(
      "Redis was restarted or replaced: {kept} channels go on, {renewed} have a new epoch because messages were lost or " +
        "nobody could tell",
      { kept, renewed: old.length - kept },
    );
  }
}
