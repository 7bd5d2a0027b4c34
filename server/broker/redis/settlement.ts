import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position } from "../../../protocol/position.ts";
import type { OffsetAnswer, OldRecord } from "./offset-queries.ts";

/** Most channels per query to the other members. */
const batchSize = 1000;

export interface SettlementDependencies {
  /** Reads the record: its top, or the old record if it has to be settled. */
  readTop(channel: ChannelName): Promise<Position | OldRecord>;
  ask(records: readonly OldRecord[]): Promise<readonly OffsetAnswer[]>;
  /** Rewrites the record under the current replication id, unless another member already has. */
  settle(record: OldRecord, isKept: boolean): Promise<Position | OldRecord>;
}

interface Pending {
  readonly done: Promise<void>;
  readonly resolve: () => void;
}

/**
 * Settles channels with an old record, which Redis has after a restart, a failover or a restored copy. If every member
 * answers and none has seen a higher offset than Redis has, the channel keeps its epoch and clients notice nothing.
 * Otherwise it gets a new epoch, so that no position ever names two publications.
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

  /** Resolves once the channel is settled or settling failed. After a failure, the next call finds the old record again. */
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
    await undefined; // channels found in the same turn of the event loop share a query
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
    const { readTop, ask, settle } = this.#dependencies;
    const found = await Promise.all(channels.map((it) => readTop(it)));
    const old = found.filter((it): it is OldRecord => "replicationId" in it);
    if (old.length === 0) return;
    const answers = await ask(old);
    const keeps = old.map(({ top }, at) => {
      const answer = answers[at];
      return answer?.isComplete === true && answer.highest <= top;
    });
    const settled = await Promise.all(old.map((record, at) => settle(record, keeps[at] === true)));
    // Another member may have settled some of them with more answers.
    const kept = settled.filter(({ epoch }, at) => epoch === old[at]?.epoch).length;
    getLogger(["fanfare", "broker"]).warning(
      "Redis was restarted or replaced: {kept} channels keep their epoch, {renewed} have a new epoch because messages were " +
        "lost or because not all servers answered",
      { kept, renewed: old.length - kept },
    );
  }
}
