import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Publication } from "../../../protocol/publication.ts";
import { Ring } from "../../lib/ring.ts";
import { channelCost, costOf, idCost } from "../cost-of.ts";
import type { HistoryRules } from "../log.ts";
import { defaultLogLimits, type LogLimits } from "../log-limits.ts";
import { toPublication } from "../to-publication.ts";
import { Ledger } from "./ledger.ts";

const rules: HistoryRules = { historySize: 100, historyTtl: 1000, historyBytes: 1_000_000 };
const one = costOf({ channel: "a" as ChannelName, message: "m" });
const known = channelCost("a");

function begin(limits: Partial<LogLimits> = {}) {
  const dropped: number[] = [];
  const forgotten: string[] = [];
  const opened: string[] = [];
  const ledger = new Ledger<Publication>(
    { ...defaultLogLimits, ...limits },
    {
      make: toPublication,
      makeItems: () => new Ring<Publication>({ bytesOf: costOf, timeOf: ({ timestamp }) => timestamp }),
      onDrop: ({ offset }) => dropped.push(offset),
      onForget: ({ name }) => forgotten.push(name),
      onOpen: ({ name }) => opened.push(name),
    },
  );
  const enter = (channel: string, now: number, id?: string) => {
    const draft = { channel: channel as ChannelName, message: "m", ...(id === undefined ? {} : { id }) };
    return ledger.enter(draft, rules, now);
  };
  return { ledger, enter, dropped, forgotten, opened };
}

describe("Ledger", () => {
  test("counts the bytes of kept items, and reports each dropped item once", () => {
    const { ledger, enter, dropped } = begin({ totalBytes: 3 * one + known });
    for (let count = 0; count < 3; count++) enter("a", 0);
    expect([ledger.bytes, dropped]).toEqual([3 * one + known, []]);
    enter("a", 1);
    expect([ledger.bytes, dropped]).toEqual([3 * one + known, [1]]);
    ledger.sweep(1000, 100);
    expect(dropped).toEqual([1]);
    ledger.sweep(1001, 100);
    expect([ledger.bytes, dropped]).toEqual([one + known, [1, 2, 3]]);
  });

  test("the bytes stay within the limit while the oldest messages are the server's own, which are never evicted", () => {
    const totalBytes = 10 * one + 2 * known;
    const { ledger, enter } = begin({ totalBytes });
    enter("$own", 0);
    for (let count = 0; count < 50; count++) {
      enter("a", 0);
      expect(ledger.bytes).toBeLessThanOrEqual(totalBytes + 200);
    }
    expect(ledger.summary("$own" as ChannelName, 0)?.messages).toBe(1);
  });

  test("a sweep does a limited part of the work, and the next one continues", () => {
    const { ledger, enter } = begin();
    for (let count = 0; count < 100; count++) enter(String.fromCharCode(33 + count), 0);
    let sweeps = 1;
    for (; !ledger.sweep(2000, 20); sweeps++) expect(ledger.bytes).toBe((100 - 10 * sweeps) * one + 100 * known);
    expect([ledger.bytes, sweeps]).toEqual([100 * known, 11]);
  });

  test("a sweep forgets empty channels that are unused for long, and no others", () => {
    const { ledger, enter, forgotten } = begin({ forgetMs: 5000 });
    for (const channel of ["unused", "used", "asked"]) enter(channel, 0);
    ledger.sweep(1001, 100);
    enter("used", 4000);
    ledger.tops(["asked" as ChannelName], 4000);
    ledger.sweep(5000, 100);
    expect(forgotten).toEqual([]);
    ledger.sweep(5001, 100);
    expect([forgotten, ledger.counts.channels]).toEqual([["unused"], 2]);
  });

  test("a sweep forgets expired ids", () => {
    const { ledger, enter } = begin({ idWindowMs: 1000 });
    for (let count = 0; count < 10; count++) enter("a", count < 5 ? 0 : 1, `${count}`);
    ledger.sweep(1001, 3);
    expect(ledger.counts.ids).toBe(7);
    ledger.sweep(1001, 100);
    expect(ledger.counts.ids).toBe(5);
  });

  test("ids take at most half of all bytes, and evict publications", () => {
    const bytes = 4 * idCost("a\n0");
    const { ledger, enter, dropped } = begin({ totalBytes: 2 * bytes });
    for (let count = 0; count < 5; count++) enter("a", 0);
    const before = dropped.length;
    const outcomes = Array.from({ length: 5 }, (_, count) => enter("a", 1, `${count}`).outcome);
    expect(outcomes).toEqual(["stored", "stored", "stored", "stored", "refused"]);
    expect([ledger.counts.ids, dropped.length > before, ledger.bytes <= 2 * bytes]).toEqual([4, true, true]);
  });

  test("when memory is full, a new channel replaces the least recently used one", () => {
    const { ledger, enter, forgotten } = begin({ totalBytes: 3 * known, minIdleMs: 30_000 });
    ledger.tops(["a", "b"] as ChannelName[], 0);
    ledger.tops(["c"] as ChannelName[], 1);
    expect(enter("d", 30_000)).toMatchObject({ outcome: "refused", error: { code: "too-many-channels" } });
    expect([ledger.bytes, forgotten]).toEqual([3 * known, []]);
    ledger.tops(["a"] as ChannelName[], 30_000);
    expect(enter("d", 30_001).outcome).toBe("stored");
    expect([ledger.bytes, forgotten]).toEqual([3 * known, ["b"]]);
  });

  test("an id stored again after its window is not forgotten with the first one", () => {
    const { ledger, enter } = begin({ idWindowMs: 1000 });
    enter("a", 0, "x");
    expect(enter("a", 1001, "x").outcome).toBe("stored");
    ledger.sweep(1500, 100);
    expect([enter("a", 1600, "x").outcome, ledger.counts.ids]).toEqual(["duplicate", 1]);
  });

  test("reports each channel that gets its first epoch, again after it was forgotten", () => {
    const { ledger, enter, opened } = begin({ forgetMs: 5000 });
    for (const channel of ["a", "b", "a"]) enter(channel, 0);
    expect(opened).toEqual(["a", "b"]);
    ledger.sweep(6000, 100);
    ledger.sweep(6000, 100);
    ledger.tops(["a" as ChannelName, "c" as ChannelName], 6000);
    expect(opened).toEqual(["a", "b", "a", "c"]);
  });

  test("continues from restored channels, items and ids", () => {
    const { ledger, enter, opened } = begin();
    const channel = ledger.openAt("a" as ChannelName, { epoch: "e", offset: 7 }, 0);
    channel.rules = rules;
    const place = { id: "i", epoch: "e", offset: 8, timestamp: 0 };
    ledger.restoreItem(channel, 8, toPublication({ channel: channel.name, message: "m" }, place), { at: 0, now: 0 });
    ledger.restoreId(channel.name, "x", { epoch: "e", offset: 3 }, 0);
    expect(enter("a", 1, "x")).toEqual({ outcome: "duplicate", id: "x", position: { epoch: "e", offset: 3 } });
    expect(enter("a", 1)).toMatchObject({ outcome: "stored", publication: { offset: 9, epoch: "e" } });
    expect(
      ledger
        .read(channel.name, { from: "earliest" }, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER }, 1)
        .items.map(({ offset }) => offset),
    ).toEqual([8, 9]);
    expect(opened).toEqual([]);
  });
});
