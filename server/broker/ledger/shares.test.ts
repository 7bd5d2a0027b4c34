import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Publication } from "../../../protocol/publication.ts";
import { fc } from "../../../tests/property.ts";
import { costOf, idCost } from "../cost-of.ts";
import type { HistoryRules } from "../log.ts";
import { defaultLogLimits, type LogLimits } from "../log-limits.ts";
import { toPublication } from "../to-publication.ts";
import { Ledger } from "./ledger.ts";
import { idKey } from "./recent-ids.ts";

const rules: HistoryRules = { historySize: 1000, historyTtl: 300_000, historyBytes: 10_000_000 };
const one = costOf({ channel: "a0" as ChannelName, message: "m" });

interface EntryFields {
  readonly by?: string;
  readonly id?: string;
  readonly message?: string;
}

function begin(limits: Partial<LogLimits> = {}) {
  const ledger = new Ledger<Publication>(
    { ...defaultLogLimits, ...limits },
    { make: toPublication, measure: { bytesOf: costOf, timeOf: ({ timestamp }) => timestamp } },
  );
  let now = 0;
  const enter = (channel: string, { by, id, message = "m" }: EntryFields = {}) => {
    const draft = {
      channel: channel as ChannelName,
      message,
      ...(id === undefined ? {} : { id }),
      ...(by === undefined ? {} : { publisher: `user:${by}` }),
    };
    const entered = ledger.enter({ draft, rules }, ++now);
    return entered.outcome === "refused" ? entered.error.code : entered.outcome;
  };
  const kept = (channel: string) => ledger.summary(channel as ChannelName, now)?.messages ?? 0;
  const pass = (ms: number) => {
    now += ms;
  };
  return { ledger, enter, kept, pass, now: () => now };
}

describe("channels", () => {
  test("of one client are limited to its share, exactly, and others still create theirs", () => {
    const { enter } = begin({ maxChannels: 100, clientShare: 0.1 });
    const created = Array.from({ length: 11 }, (_, at) => enter(`m${at}`, { by: "mallory" }));
    expect(created).toEqual([...Array(10).fill("stored"), "too-many-channels"]);
    expect([enter("m0", { by: "mallory" }), enter("a", { by: "alice" }), enter("k")]).toEqual(Array(3).fill("stored"));
  });

  test("that a client has not used for a while are evicted for its new ones", () => {
    const { ledger, enter, pass, now } = begin({ maxChannels: 100, clientShare: 0.1 });
    for (let at = 0; at < 10; at++) enter(`m${at}`, { by: "mallory" });
    pass(300_001);
    ledger.sweep(now(), 1000);
    expect(enter("new", { by: "mallory" })).toBe("stored");
    expect(ledger.counts.channels).toBe(10);
  });

  test("of all clients leave a quarter to API keys, and a tenth to users' own channels", () => {
    const { ledger, enter } = begin({ maxChannels: 100, clientShare: 0.1 });
    for (let client = 0; client < 20; client++) {
      for (let at = 0; at < 10; at++) enter(`m${client}:${at}`, { by: `m${client}` });
    }
    expect([ledger.counts.channels, enter("b", { by: "bob" })]).toEqual([75, "too-many-channels"]);
    const byKey = Array.from({ length: 16 }, (_, at) => enter(`k${at}`));
    expect(byKey).toEqual([...Array(15).fill("stored"), "too-many-channels"]);
    expect(Array.from({ length: 10 }, (_, at) => enter(`@u${at}`))).toEqual(Array(10).fill("stored"));
  });

  test("a connection gets everyone's channel and its user's own, however many channels there are", () => {
    const { ledger, enter, now } = begin({ maxChannels: 5 });
    for (let at = 0; at < 5; at++) enter(`k${at}`);
    const join = (name: string) => () => ledger.tops([name as ChannelName], now(), undefined, "user:bob");
    expect(join("plain")).toThrow(expect.objectContaining({ code: "too-many-channels" }));
    const first = join("@bob")();
    expect(join("@bob")()).toEqual(first);
    expect(join("all")().size).toBe(1);
  });

  test("that a client subscribes to are its own too", () => {
    const { ledger, now } = begin({ maxChannels: 100, clientShare: 0.02 });
    const join = (name: string) => () => ledger.tops([name as ChannelName], now(), undefined, "user:mallory");
    join("a")();
    join("b")();
    expect(join("c")).toThrow(expect.objectContaining({ code: "too-many-channels" }));
    expect(ledger.tops(["c" as ChannelName], now(), undefined, "user:alice").size).toBe(1);
  });
});

describe("ids", () => {
  test("of a client are counted separately from those of other clients and of API keys", () => {
    const { enter } = begin();
    expect(enter("room", { by: "mallory", id: "order-1" })).toBe("stored");
    expect(enter("room", { id: "order-1" })).toBe("stored");
    expect(enter("room", { by: "alice", id: "order-1" })).toBe("stored");
    for (const by of [undefined, "alice", "mallory"]) {
      expect(enter("room", { id: "order-1", ...(by === undefined ? {} : { by }) })).toBe("duplicate");
    }
  });

  test("of one client are limited to its share, those of all clients leave a quarter to API keys", () => {
    const bytes = idCost(idKey("room" as ChannelName, "user:m0\n000"));
    const { ledger, enter } = begin({ idBytes: 100 * bytes, clientShare: 0.1 });
    const id = (at: number) => String(at).padStart(3, "0");
    const outcomes = Array.from({ length: 11 }, (_, at) => enter("room", { by: "m0", id: id(at) }));
    expect(outcomes).toEqual([...Array(10).fill("stored"), "idempotency-full"]);
    for (let client = 1; client < 10; client++) {
      for (let at = 0; at < 10; at++) enter("room", { by: `m${client}`, id: id(at) });
    }
    expect(ledger.counts.ids).toBe(75);
    expect(enter("room", { by: "m9", id: "999" })).toBe("idempotency-full");
    expect(Array.from({ length: 25 }, (_, at) => enter("room", { id: `key-${id(at)}` }))).toEqual(
      Array(25).fill("stored"),
    );
  });
});

describe("messages", () => {
  const full = { totalBytes: 400 * one, clientShare: 0.1 };

  test("of a client beyond its share replace its own, not those of others", () => {
    const { enter, kept } = begin(full);
    for (let at = 0; at < 20; at++) {
      enter("alice:1", { by: "alice" });
      enter("backend");
    }
    for (let at = 0; at < 1000; at++) enter(`m${at % 10}`, { by: "mallory" });
    const mine = Array.from({ length: 10 }, (_, at) => kept(`m${at}`)).reduce((total, it) => total + it, 0);
    expect([kept("alice:1"), kept("backend"), mine]).toEqual([20, 20, 40]);
  });

  test("of a client in channels that others created are refused beyond its share, with a time to retry", () => {
    const { enter, kept } = begin(full);
    for (let at = 0; at < 10; at++) enter(`r${at}`);
    const outcomes = Array.from({ length: 41 }, (_, at) => enter(`r${at % 10}`, { by: "mallory" }));
    expect(outcomes).toEqual([...Array(40).fill("stored"), "rate-limited"]);
    expect([kept("r0"), enter("r0", { by: "alice" }), enter("r0")]).toEqual([5, "stored", "stored"]);
  });

  test("of the heaviest clients are evicted first when all clients together have too much", () => {
    const { enter, kept } = begin({ ...full, clientShare: 0.5 });
    for (let at = 0; at < 20; at++) enter("alice:1", { by: "alice" });
    for (let at = 0; at < 150; at++) enter("m1", { by: "mallory" });
    for (let at = 0; at < 100; at++) enter("b1", { by: "bob" });
    for (let at = 0; at < 100; at++) enter("c1", { by: "carol" });
    expect(kept("alice:1")).toBe(20);
    for (const channel of ["m1", "b1", "c1"]) expect(Math.abs(kept(channel) - 280 / 3)).toBeLessThan(2);
  });

  test("of a client whose share is smaller than one message are kept one at a time", () => {
    const { enter, kept } = begin({ totalBytes: 400 * one, clientShare: 0.001 });
    enter("m", { by: "mallory" });
    expect([enter("m", { by: "mallory" }), kept("m")]).toEqual(["stored", 1]);
  });
});

test("the total is never exceeded, and a client without channels, messages and ids uses no share", () => {
  const step = fc.record({
    by: fc.constantFrom(undefined, "a", "b", "c"),
    channel: fc.nat(30),
    id: fc.option(fc.nat(20), { nil: undefined }),
    length: fc.nat(2000),
    afterMs: fc.constantFrom(0, 0, 0, 1000, 60_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const { ledger, enter, pass, now } = begin({ totalBytes: 60_000, maxChannels: 20, clientShare: 0.3 });
      for (const { by, channel, id, length, afterMs } of steps) {
        pass(afterMs);
        ledger.sweep(now(), 7);
        const said = { message: "x".repeat(length) };
        enter(`c${channel}`, {
          ...said,
          ...(by === undefined ? {} : { by }),
          ...(id === undefined ? {} : { id: `${id}` }),
        });
        expect(ledger.bytes).toBeLessThanOrEqual(60_000);
      }
      pass(1e9);
      for (let at = 0; at < 100; at++) ledger.sweep(now(), 1000);
      expect([ledger.bytes, ledger.counts]).toEqual([0, { channels: 0, ids: 0, clients: 0 }]);
    }),
    { numRuns: 100 },
  );
});
