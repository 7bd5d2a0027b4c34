import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Publication } from "../../../protocol/publication.ts";
import { fc } from "../../../tests/property.ts";
import { Ring } from "../../lib/ring.ts";
import { channelCost, costOf, idCost } from "../cost-of.ts";
import type { HistoryRules } from "../log.ts";
import { defaultLogLimits, type LogLimits } from "../log-limits.ts";
import { toPublication } from "../to-publication.ts";
import { Ledger } from "./ledger.ts";
import { idKey } from "./recent-ids.ts";

const rules: HistoryRules = { historySize: 1000, historyTtl: 300_000, historyBytes: 10_000_000 };
const one = costOf({ channel: "a0" as ChannelName, message: "m" });
const known = channelCost("a0");

interface EntryFields {
  readonly by?: string;
  readonly id?: string;
  readonly message?: string;
}

function begin(limits: Partial<LogLimits> = {}) {
  const ledger = new Ledger<Publication>(
    { ...defaultLogLimits, ...limits },
    {
      make: toPublication,
      makeItems: () => new Ring<Publication>({ bytesOf: costOf, timeOf: ({ timestamp }) => timestamp }),
    },
  );
  let now = 0;
  const enter = (channel: string, { by, id, message = "m" }: EntryFields = {}) => {
    const draft = {
      channel: channel as ChannelName,
      message,
      ...(id === undefined ? {} : { id }),
      ...(by === undefined ? {} : { publisher: `user:${by}` }),
    };
    const entered = ledger.enter(draft, rules, ++now);
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

  test("that were forgotten do not count any more", () => {
    const { ledger, enter, pass, now } = begin({ maxChannels: 100, clientShare: 0.1, forgetMs: 1000 });
    const createAll = () => Array.from({ length: 10 }, (_, at) => enter(`m${at}`, { by: "mallory" }));
    createAll();
    pass(300_001);
    ledger.sweep(now(), 1000);
    pass(1001);
    enter("m0", { by: "mallory" });
    ledger.sweep(now(), 1000);
    expect(ledger.counts.channels).toBe(1);
    expect(createAll()).toEqual(Array(10).fill("stored"));
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

describe("channels whose history a client reads", () => {
  const bounds = { limit: 10, maxBytes: 1000 };
  const earliest = { from: "earliest" } as const;

  test("are its own if they are new; beyond its share they are not created, and their history is empty", () => {
    const { ledger, enter, now } = begin({ maxChannels: 100, clientShare: 0.02 });
    const read = (name: string, by: string) =>
      ledger.read(name as ChannelName, earliest, { ...bounds, publisher: `user:${by}` }, now());
    enter("news");
    expect(["news", "a", "b", "c"].map((name) => read(name, "mallory").items.length)).toEqual([1, 0, 0, 0]);
    expect(read("a", "mallory").top).toEqual(read("a", "bob").top);
    expect([ledger.counts.channels, enter("d", { by: "mallory" })]).toEqual([3, "too-many-channels"]);
    expect([enter("c", { by: "alice" }), ledger.counts.clients]).toEqual(["stored", 2]);
  });

  test("cost those nothing that are known already, and readers of those are not remembered", () => {
    const { ledger, enter, now } = begin();
    enter("news");
    for (let at = 0; at < 10; at++) {
      ledger.read("news" as ChannelName, earliest, { ...bounds, publisher: `user:u${at}` }, now());
    }
    expect(ledger.counts).toMatchObject({ channels: 1, clients: 0 });
  });
});

describe("channels cost memory", () => {
  const small = { totalBytes: 400 * known, clientShare: 0.1 };
  const join = (ledger: Ledger<Publication>, name: string, by: string) => () =>
    ledger.tops([name as ChannelName], 3000, undefined, `user:${by}`);

  test("and those of one client fill its share of the memory, exactly", () => {
    const { ledger, enter, kept } = begin(small);
    for (let at = 0; at < 30; at++) enter("k0");
    enter("a0", { by: "alice" });
    for (let at = 10; at < 50; at++) join(ledger, `m${at}`.slice(-2), "mallory")();
    expect(join(ledger, "m0", "mallory")).toThrow(expect.objectContaining({ code: "too-many-channels" }));
    expect([kept("k0"), kept("a0"), ledger.counts.channels]).toEqual([30, 1, 42]);
    expect([enter("a1", { by: "alice" }), enter("k1"), join(ledger, "b0", "bob")().size]).toEqual([
      "stored",
      "stored",
      1,
    ]);
  });

  test("together with messages and ids: all three stay within the share", () => {
    const id = idCost(idKey("m0" as ChannelName, "user:mallory\n0"));
    const withId = costOf({ channel: "m0" as ChannelName, message: "m", id: "0" });
    const share = 2 * known + withId + id + one;
    const { ledger, enter, kept } = begin({ totalBytes: 10 * share, clientShare: 0.1 });
    expect([enter("m0", { by: "mallory", id: "0" }), enter("m1", { by: "mallory" })]).toEqual(["stored", "stored"]);
    expect([ledger.bytes, kept("m0"), kept("m1")]).toEqual([share, 1, 1]);
    expect([enter("m2", { by: "mallory" }), kept("m0"), kept("m1")]).toEqual(["stored", 0, 0]);
    expect(ledger.bytes).toBe(3 * known + id + one);
  });

  test("and a user that fills its share with channels loses its own messages only", () => {
    const { enter, kept } = begin({ ...small, clientShare: 0.5 });
    for (let at = 0; at < 30; at++) {
      enter("k0");
      enter("a0", { by: "alice" });
    }
    const outcomes = Array.from({ length: 300 }, (_, at) => enter(`m${at}`, { by: "mallory" }));
    expect([outcomes[0], outcomes.at(-1)]).toEqual(["stored", "too-many-channels"]);
    expect([kept("k0"), kept("a0"), kept("m0")]).toEqual([30, 30, 0]);
  });

  test("and clients that hold much give theirs to clients that hold less, in use or not", () => {
    const { ledger, enter, kept } = begin(small);
    for (let at = 0; at < 30; at++) enter("k0");
    for (let at = 0; at < 5; at++) enter("a0", { by: "alice" });
    for (let client = 0; client < 40; client++) {
      for (let at = 0; at < 50; at++) enter(`m${client}:${at}`, { by: `m${client}` });
    }
    expect([kept("k0"), kept("a0")]).toEqual([30, 5]);
    expect(ledger.bytes - 30 * one - known).toBeLessThanOrEqual(0.75 * small.totalBytes);
    expect(enter("b0", { by: "bob" })).toBe("stored");
    expect(join(ledger, "c0", "carol")().size).toBe(1);
    expect(Array.from({ length: 20 }, (_, at) => enter(`k${at}`))).toEqual(Array(20).fill("stored"));
  });

  test("and a new client gets one, although most of those that hold more listen to all of theirs", () => {
    // Nobody holds a hundredth of it.
    const { ledger, enter } = begin({ totalBytes: 4000 * known, clientShare: 0.1 });
    const listen = () =>
      Array.from({ length: 100 }, (_, at) => {
        const names = Array.from("abcde", (letter) => `${letter}${at}` as ChannelName);
        return [...ledger.tops(names, 3000, undefined, `user:l${at}`)];
      });
    const before = listen();
    for (let client = 0; client < 200; client++) {
      for (let at = 0; at < 10; at++) enter(`m${client}:${at}`, { by: `m${client}` });
    }
    for (let at = 0; at < 300; at++) expect(join(ledger, `n${at}`, `n${at}`)().size).toBe(1);
    expect(listen()).toEqual(before);
  });
});

test("a channel with listeners is not forgotten, however much others need the room", () => {
  const { ledger, enter } = begin({ totalBytes: 400 * known, clientShare: 0.75 });
  const join = (name: string) =>
    ledger.tops([name as ChannelName], 1, undefined, "user:mallory").get(name as ChannelName);
  const names = Array.from({ length: 10 }, (_, at) => `l${at}`);
  const tops = names.map(join);
  for (let at = 0; at < 300; at++) enter(`m${at}`, { by: "mallory" });
  for (let at = 0; at < 50; at++) expect(enter(`b${at}`, { by: "bob" })).toBe("stored");
  expect(names.map(join)).toEqual(tops);
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
    expect([kept("alice:1"), kept("backend"), mine]).toEqual([20, 20, Math.floor((40 * one - 10 * known) / one)]);
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
    const each = (280 * one - 4 * known) / one / 3;
    for (const channel of ["m1", "b1", "c1"]) expect(Math.abs(kept(channel) - each)).toBeLessThan(2);
  });

  test("of a client whose share is smaller than one message are kept one at a time", () => {
    const { enter, kept } = begin({ totalBytes: 1000 * known, clientShare: 0.001 });
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
