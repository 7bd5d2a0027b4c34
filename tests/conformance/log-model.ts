import type { ChannelName } from "../../protocol/channel-name.ts";
import type { GapReason } from "../../protocol/frames.ts";
import type { Since } from "../../protocol/position.ts";
import type { Draft } from "../../protocol/publication.ts";
import { costOf } from "../../server/broker/cost-of.ts";
import type { HistoryRules } from "../../server/broker/log.ts";

interface Stored {
  readonly offset: number;
  readonly at: number;
  readonly bytes: number;
  readonly message: string | undefined;
}

/** The simplest correct log: it never removes anything, and computes each answer from scratch. */
export class LogModel {
  readonly #channels = new Map<ChannelName, { all: Stored[]; rules: HistoryRules; dropped: number }>();
  readonly #ids = new Map<string, { offset: number; at: number }>();
  readonly #windowMs: number;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  append(draft: Draft, rules: HistoryRules, now: number): { outcome: "stored" | "duplicate"; offset: number } {
    const key = JSON.stringify([draft.channel, draft.id]);
    const first = draft.id === undefined ? undefined : this.#ids.get(key);
    if (first !== undefined && now - first.at <= this.#windowMs) return { outcome: "duplicate", offset: first.offset };
    const channel = this.#channel(draft.channel);
    this.#drop(channel, now);
    const offset = channel.all.length + 1;
    channel.all.push({ offset, at: now, bytes: costOf(draft), message: draft.message });
    channel.rules = rules;
    if (draft.id !== undefined) this.#ids.set(key, { offset, at: now });
    this.#drop(channel, now);
    return { outcome: "stored", offset };
  }

  read(name: ChannelName, since: Since, { limit, maxBytes }: { limit: number; maxBytes: number }, now: number) {
    const channel = this.#channel(name);
    this.#drop(channel, now);
    const kept = channel.all.slice(channel.dropped);
    const [from, gap] = begin(since, kept, channel.all.slice(0, channel.dropped), now);
    const page = kept.filter(({ offset }) => offset >= from).slice(0, limit);
    const bytesUpTo = (index: number) => page.slice(0, index + 1).reduce((sum, { bytes }) => sum + bytes, 0);
    const items = page.filter((_, index) => index === 0 || bytesUpTo(index) <= maxBytes);
    return { top: channel.all.length, items: items.map(({ offset, message }) => [offset, message]), gap };
  }

  #channel(name: ChannelName) {
    const known = this.#channels.get(name);
    if (known !== undefined) return known;
    const made = { all: [], rules: { historySize: 0, historyTtl: 0, historyBytes: 0 }, dropped: 0 };
    this.#channels.set(name, made);
    return made;
  }

  #drop(channel: { all: Stored[]; rules: HistoryRules; dropped: number }, now: number): void {
    const { historySize, historyTtl, historyBytes } = channel.rules;
    const fits = (kept: Stored[]) =>
      kept.length <= historySize &&
      kept.reduce((sum, { bytes }) => sum + bytes, 0) <= historyBytes &&
      kept.every(({ at }) => now - at <= historyTtl);
    while (!fits(channel.all.slice(channel.dropped))) channel.dropped++;
  }
}

/** The first offset to return, and the reason if the requested position cannot be resumed. */
function begin(since: Since, kept: Stored[], dropped: Stored[], now: number): [number, GapReason | undefined] {
  const isGone = (wanted: (it: Stored) => boolean) => (dropped.some(wanted) ? "history-too-short" : undefined);
  switch (since.from) {
    case "position": {
      const { offset } = since.position;
      if (offset > kept.length + dropped.length) return [0, "epoch-changed"];
      return [offset + 1, isGone((it) => it.offset > offset)];
    }
    case "earliest":
      return [0, undefined];
    case "age": {
      const wanted = ({ at }: Stored) => at >= now - since.ms;
      return [kept.find(wanted)?.offset ?? Number.POSITIVE_INFINITY, isGone(wanted)];
    }
    case "last": {
      const from = kept.length + dropped.length - since.count + 1;
      return [from, isGone((it) => it.offset >= from)];
    }
  }
}
