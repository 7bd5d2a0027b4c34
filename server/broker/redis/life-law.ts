import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import { Companions } from "./companions.ts";
import type { KeyNames } from "./keys.ts";
import type { Records } from "./records.ts";
import { Settlement } from "./settlement.ts";
import { type OldRecord, Talk } from "./talk.ts";
import { Witness } from "./witness.ts";

/** How often a read meets a channel of another life before the caller is told to try again. */
const maxSettles = 3;
const minuteMs = 60_000;

export const beingChecked = "the channel is being checked after a restart of Redis";

export interface LifeLawDependencies {
  /** The name of this member among those that use the same Redis. */
  readonly self: string;
  readonly store: RedisStore;
  readonly records: Records;
  readonly keys: KeyNames;
  readonly clock: Clock;
}

/**
 * Keeps the law that (channel, epoch, offset) never names two publications, although Redis may lose its tail.
 *
 * The replication id of a server is its life, and each channel's record names the life it was written in. A record of
 * another life is settled before it is used: the members say what they have seen, and the epoch goes on or is a new one.
 */
export class LifeLaw {
  readonly witness = new Witness();
  readonly companions: Companions;
  /** Where the members talk about what was lost. */
  readonly topic: string;
  readonly #store: RedisStore;
  readonly #talk: Talk;
  readonly #settlement: Settlement;
  readonly #clock: Clock;
  /** Lives that this member was connected in. */
  readonly #lives = new Set<string>();
  #minute: Timer | undefined;

  constructor({ self, store, records, keys, clock }: LifeLawDependencies) {
    this.#store = store;
    this.#clock = clock;
    this.companions = new Companions(clock);
    const topic = keys.ownTopic("talk");
    this.topic = topic;
    this.#talk = new Talk({
      self,
      companions: this.companions,
      witness: this.witness,
      lives: this.#lives,
      clock,
      say: async (text) => records.send(store.shardOf(topic), topic, text),
    });
    this.#settlement = new Settlement({
      look: (channel) => records.open(channel),
      ask: (old) => this.#talk.ask(old),
      settle: (old, isKept) => records.settle(old, isKept),
    });
  }

  /** @throws RedisUnreachable */
  async start(): Promise<void> {
    await this.#store.subscribe([this.topic]);
    this.#turnMinute();
  }

  close(): void {
    this.#minute?.cancel();
  }

  /** There are new connections. */
  connected(): void {
    const lives = this.#store.shards.map(({ commands }) => commands.life);
    if (this.#lives.size > 0 && lives.some((it) => !this.#lives.has(it))) this.witness.pin();
    for (const life of lives) this.#lives.add(life);
    this.companions.connected();
  }

  cutOff(): void {
    this.companions.cutOff();
  }

  /** Something came over the topic. */
  hear(text: string): void {
    this.#talk.hear(text);
  }

  /** While it is, nothing is stored in the channel. */
  isBeingSettled(channel: ChannelName): boolean {
    return this.#settlement.isPending(channel);
  }

  settle(channel: ChannelName): Promise<void> {
    return this.#settlement.settle(channel);
  }

  /** Asks, and where the channel's record is of another life, again once it is settled. @throws RedisUnreachable */
  async settled<T extends object>(channel: ChannelName, ask: () => Promise<T | OldRecord>): Promise<T> {
    for (let attempt = 0; attempt < maxSettles; attempt++) {
      const answer = await ask();
      if (!isOld(answer)) return answer;
      await this.#settlement.settle(channel);
    }
    throw new RedisUnreachable(beingChecked);
  }

  #turnMinute(): void {
    this.#minute = this.#clock.setTimeout(() => {
      this.witness.turn();
      this.#turnMinute();
    }, minuteMs);
  }
}

function isOld<T extends object>(answer: T | OldRecord): answer is OldRecord {
  return "life" in answer;
}
