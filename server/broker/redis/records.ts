import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { GapReason } from "../../../protocol/frames.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Publication } from "../../../protocol/publication.ts";
import type { Shard } from "../../lib/redis/shard.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import type { History, HistoryRules, PageBounds } from "../log.ts";
import { newEpoch } from "../new-epoch.ts";
import type { KeyNames } from "./keys.ts";
import type { OldRecord } from "./offset-queries.ts";
import { parseStored } from "./publication-text.ts";
import type { BrokerScripts } from "./scripts.ts";

/** How long a channel's record outlives its messages. A client that reconnects within 24 h learns whether it missed any. */
const recordMs = 86_400_000;
/** Redis ignores a publication that arrives later than this: its publisher has already been refused, or will be. */
const lateMs = 8000;

/** The result of storing one publication. */
export type StoreOutcome =
  | { readonly outcome: "stored"; readonly position: Position; readonly listeners: number }
  | { readonly outcome: "duplicate"; readonly position: Position }
  | { readonly outcome: "old"; readonly record: OldRecord }
  | { readonly outcome: "late" };

/** One publication as it is stored. */
export interface StoredDraft {
  readonly channel: ChannelName;
  /** The publisher's id, if it chose one. */
  readonly id: string | undefined;
  readonly text: string;
  /** Its cost, for limits in bytes. */
  readonly cost: number;
}

export interface RecordsDependencies {
  readonly store: RedisStore;
  readonly scripts: BrokerScripts;
  readonly keys: KeyNames;
  /** How long ids are remembered, milliseconds. */
  readonly idWindowMs: number;
  /** The current retention. At its last publication the channel may have kept more. */
  readonly rulesOf: (channel: ChannelName) => HistoryRules;
}

/** The channels in Redis: their records, messages and ids. Each step is one script on the primary that has them. */
export class Records {
  readonly #dependencies: RecordsDependencies;

  constructor(dependencies: RecordsDependencies) {
    this.#dependencies = dependencies;
  }

  /** @throws RedisUnreachable if it may or may not be stored, RedisUnusable */
  async publish({ channel, id, text, cost }: StoredDraft, rules: HistoryRules): Promise<StoreOutcome> {
    const { scripts, keys, idWindowMs, store } = this.#dependencies;
    const names = keys.of(channel);
    const shard = store.shardOf(names.record);
    const { historySize, historyTtl, historyBytes } = rules;
    const answer = (await shard.commands.run(
      scripts.publish,
      id === undefined ? [names.record, names.messages] : [names.record, names.messages, names.id(id)],
      [
        shard.commands.replicationId,
        newEpoch(),
        text,
        recordMs,
        historySize,
        historyTtl,
        historyBytes,
        idWindowMs,
        Math.round(shard.commands.serverTime) + lateMs,
        names.topic,
        store.publishVerb,
        cost,
      ],
    )) as readonly [string, string, number, unknown, number];
    const [word, epoch, offset, , listeners] = answer;
    if (word === "late") return { outcome: "late" };
    if (word === "life") return { outcome: "old", record: oldRecord(channel, answer) };
    if (word === "duplicate") return { outcome: "duplicate", position: { epoch, offset } };
    return { outcome: "stored", position: { epoch, offset }, listeners };
  }

  /** The top. A channel that is not known gets its epoch here. @throws RedisUnreachable, RedisUnusable */
  async open(channel: ChannelName): Promise<Position | OldRecord> {
    const { scripts, keys } = this.#dependencies;
    const { record, messages } = keys.of(channel);
    const shard = this.#dependencies.store.shardOf(record);
    const args = [shard.commands.replicationId, newEpoch(), recordMs];
    return topOf(channel, await shard.commands.run(scripts.open, [record, messages], args));
  }

  /** The same for a channel that is probably known: a plain GET, which costs a third of the script. */
  async top(channel: ChannelName): Promise<Position | OldRecord> {
    const { record } = this.#dependencies.keys.of(channel);
    const { commands } = this.#dependencies.store.shardOf(record);
    const text = await commands.call("GET", record);
    const [epoch, offset, replicationId] = typeof text === "string" ? text.split(" ", 3) : [];
    return epoch !== undefined && replicationId === commands.replicationId
      ? { epoch, offset: Number(offset) }
      : this.open(channel);
  }

  /** @throws RedisUnreachable, RedisUnusable */
  async read(channel: ChannelName, since: Since, { limit, maxBytes }: PageBounds): Promise<History | OldRecord> {
    const { scripts, keys, store, rulesOf } = this.#dependencies;
    const { record, messages } = keys.of(channel);
    const shard = store.shardOf(record);
    const { historySize, historyTtl, historyBytes } = rulesOf(channel);
    const asked = [...sinceArgs(since), limit, maxBytes];
    const args = [shard.commands.replicationId, newEpoch(), recordMs, ...asked, historySize, historyTtl, historyBytes];
    const answer = await shard.commands.run(scripts.read, [record, messages], args);
    const [word, epoch, offset, gap, found] = answer as readonly [string, string, number, GapReason | "", string[]];
    if (word === "life") return oldRecord(channel, answer);
    const top = { epoch, offset };
    return { top, gap: gap === "" ? undefined : gap, publications: publicationsOf(channel, epoch, found) };
  }

  /** Rewrites a record under the current replication id. @param isKept whether the channel keeps its epoch */
  settle(old: OldRecord, isKept: boolean): Promise<Position | OldRecord> {
    return this.#decide(old, isKept ? "keep" : "renew");
  }

  /** Gives a channel a new epoch if its top is behind a position that clients have received. @returns its top afterwards */
  renewBehind(channel: ChannelName, { epoch, offset }: Position): Promise<Position | OldRecord> {
    return this.#decide({ channel, epoch, top: offset, replicationId: "" }, "behind");
  }

  async #decide(
    { channel, epoch, top, replicationId }: OldRecord,
    decision: "keep" | "renew" | "behind",
  ): Promise<Position | OldRecord> {
    const { scripts, keys, store } = this.#dependencies;
    const { record, topic } = keys.of(channel);
    const shard = store.shardOf(record);
    const args = [
      shard.commands.replicationId,
      replicationId,
      epoch,
      top,
      decision,
      newEpoch(),
      topic,
      store.publishVerb,
    ];
    const answer = await shard.commands.run(scripts.settle, [record], args);
    return (answer as readonly unknown[])[0] === "gone" ? this.open(channel) : topOf(channel, answer);
  }

  /** Sends a text without storing it. @returns how many workers received it */
  async send(shard: Shard, topic: string, text: string): Promise<number> {
    return Number(await shard.commands.call(this.#dependencies.store.publishVerb, topic, text));
  }
}

function sinceArgs(since: Since): readonly (string | number)[] {
  switch (since.from) {
    case "position":
      return ["position", since.position.epoch, since.position.offset];
    case "earliest":
      return ["earliest", "", 0];
    case "age":
      return ["age", since.ms, 0];
    case "last":
      return ["last", since.count, 0];
  }
}

/** @param found offset, time and text of each publication, in one flat list */
function publicationsOf(channel: ChannelName, epoch: string, found: readonly (string | number)[]): Publication[] {
  const publications: Publication[] = [];
  for (let at = 0; at + 2 < found.length; at += 3) {
    const position = { epoch, offset: Number(found[at]) };
    publications.push(parseStored(channel, position, Number(found[at + 1]), String(found[at + 2])));
  }
  return publications;
}

function topOf(channel: ChannelName, answer: unknown): Position | OldRecord {
  const [word, epoch, offset] = answer as readonly [string, string, number];
  return word === "life" ? oldRecord(channel, answer) : { epoch, offset };
}

function oldRecord(channel: ChannelName, answer: unknown): OldRecord {
  const [, epoch, top, replicationId] = answer as readonly [string, string, number, string | null];
  return { channel, epoch, top, replicationId: replicationId ?? "" };
}
