import { afterEach, beforeEach, describe, expect } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import { channelCost, costOf } from "../../server/broker/cost-of.ts";
import type { Appended, HistoryRules, RuledLog } from "../../server/broker/log.ts";
import type { LogLimits } from "../../server/broker/log-limits.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import { fc } from "../property.ts";
import { LogModel } from "./log-model.ts";
import { type Declare, declareSuite, type Skip } from "./skip.ts";

/** A log for one test, which the suite opens. `dispose` deletes its storage. */
export interface TestedLog {
  readonly log: RuledLog;
  dispose(): Promise<void>;
}

export type MakeLog = (clock: MovedClock, limits: Partial<LogLimits>) => Promise<TestedLog>;

const rules: HistoryRules = { historySize: 100, historyTtl: 60_000, historyBytes: 1_000_000 };
const a = "a" as ChannelName;
const b = "b" as ChannelName;
const earliest: Since = { from: "earliest" };

/** The contract of every log. A new log is complete when it passes without skips. */
export function logConformance(name: string, make: MakeLog, options: { readonly skip?: readonly Skip[] } = {}): void {
  describe(`${name} keeps the Log contract`, () => {
    const world = new World(make);
    beforeEach(() => world.begin());
    afterEach(() => world.end());
    declareSuite(options.skip ?? [], (test) => {
      numbering(world, test);
      goingBack(world, test);
      reading(world, test);
      bounds(world, test);
      idempotency(world, test);
      clockSteps(world, test);
      channels(world, test);
      againstModel(world, test);
    });
  });
}

/** The log under test and its clock. A test that needs other limits requests them first. */
class World {
  readonly #make: MakeLog;
  #tested: TestedLog | undefined;
  clock = new MovedClock();

  constructor(make: MakeLog) {
    this.#make = make;
  }

  async begin(limits: Partial<LogLimits> = {}): Promise<RuledLog> {
    await this.end();
    this.clock = new MovedClock();
    this.#tested = await this.#make(this.clock, limits);
    await this.#tested.log.open();
    return this.#tested.log;
  }

  async end(): Promise<void> {
    await this.#tested?.log.close();
    await this.#tested?.dispose();
    this.#tested = undefined;
  }

  get log(): RuledLog {
    if (this.#tested === undefined) throw new Error("no test has begun");
    return this.#tested.log;
  }

  async store(draft: Partial<Draft> = {}, its: HistoryRules = rules): Promise<Publication> {
    const [appended] = await this.log.append([{ draft: { channel: a, message: "m", ...draft }, rules: its }]);
    if (appended?.outcome !== "stored") throw new Error(`expected it to be stored, got ${JSON.stringify(appended)}`);
    return appended.publication;
  }

  async offsets(since: Since, channel = a, limit = 1000): Promise<number[]> {
    const { publications } = await this.log.read(channel, since, { limit, maxBytes: Number.MAX_SAFE_INTEGER });
    return publications.map(({ offset }) => offset);
  }

  async top(channel = a): Promise<Position> {
    const top = (await this.log.tops([channel])).get(channel);
    if (top === undefined) throw new Error("the log gave no top");
    return top;
  }
}

function outcomes(appended: readonly Appended[]): string[] {
  return appended.map((it) => (it.outcome === "refused" ? it.error.code : it.outcome));
}

/** Replaces `expect(…).rejects`. While that waits, Bun delivers no messages of threads, and some logs use a thread. */
async function refusalOf(call: Promise<unknown>): Promise<unknown> {
  const [settled] = await Promise.allSettled([call]);
  if (settled.status === "fulfilled") throw new Error("expected a refusal");
  return settled.reason;
}

function numbering(world: World, test: Declare): void {
  test("offsets start at 1 and increase by 1, separately in each channel and in one epoch", async () => {
    const drafts = [a, b, a, a, b].map((channel) => ({ draft: { channel, message: "m" }, rules }));
    const appended = await world.log.append(drafts);
    const places = appended.map((it) => it.outcome === "stored" && [it.publication.channel, it.publication.offset]);
    expect(places).toEqual([
      [a, 1],
      [b, 1],
      [a, 2],
      [a, 3],
      [b, 2],
    ]);
    expect((await world.store()).offset).toBe(4);
    const { top, publications } = await world.log.read(a, earliest, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER });
    expect(new Set(publications.map(({ epoch }) => epoch))).toEqual(new Set([top.epoch]));
    expect(top.offset).toBe(4);
    expect(top.epoch).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    expect((await world.top(b)).epoch).not.toBe(top.epoch);
  });

  test("a publication has the fields of its draft, the log's time and its position, in the answer and in history", async () => {
    world.clock.move(1234);
    const draft: Draft = {
      channel: "@Jürgen 💡" as ChannelName,
      id: "own id",
      message: "line\nbreak, \u0000 and 💡",
      data: '{"big":12345678901234567890,"text":"\\u0000"}',
      event: "note",
      sender: "Alice",
      sentAt: 1_700_000_000_123,
      key: "k",
      headers: { traceparent: "00-1" },
      excludeConnectionId: "c_1",
    };
    const publication = await world.store(draft);
    const { epoch } = await world.top(draft.channel);
    expect(publication).toEqual({ ...draft, id: "own id", epoch, offset: 1, timestamp: world.clock.now() });
    expect(
      (await world.log.read(draft.channel, earliest, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER })).publications,
    ).toEqual([publication]);
  });

  test("an empty message differs from no message", async () => {
    const stored = [await world.store({ message: "" }), await world.store({ data: "1" })];
    const { publications } = await world.log.read(a, earliest, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER });
    expect(publications).toEqual(stored);
    expect(publications.map(({ message }) => message)).toEqual(["", "m"]);
  });

  test("a draft without an id gets a unique one", async () => {
    const ids = new Set<string>();
    for (let count = 0; count < 100; count++) ids.add((await world.store()).id);
    expect(ids.size).toBe(100);
    expect(ids.has("")).toBe(false);
  });

  test("calls take effect in order", async () => {
    const [, first, , second] = await Promise.all([
      world.store(),
      world.log.read(a, earliest, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER }),
      world.store(),
      world.top(),
    ]);
    expect([first.publications.length, first.top.offset, second.offset]).toEqual([1, 1, 2]);
  });

  test("appending nothing returns nothing", async () => {
    expect(await world.log.append([])).toEqual([]);
  });

  test("closing a second time has no effect", async () => {
    await Promise.all([world.log.close(), world.log.close()]);
    await expect(world.log.close()).resolves.toBeUndefined();
  });
}

function goingBack(world: World, test: Declare): void {
  test("a channel that is behind a position that was seen continues in a new epoch, and keeps its history", async () => {
    for (let count = 0; count < 3; count++) await world.store();
    const { epoch } = await world.top();
    const seen = new Map([[a, { epoch, offset: 4 }]]);
    const top = (await world.log.tops([a, b], seen)).get(a);
    expect([top?.offset, top?.epoch === epoch]).toEqual([3, false]);
    expect(await world.log.tops([a], seen)).toEqual(new Map([[a, await world.top()]]));
    expect(await world.top()).toEqual(top ?? { epoch, offset: 0 });
    const stored = await world.store();
    expect([stored.epoch, stored.offset]).toEqual([top?.epoch ?? "", 4]);
    const { publications, gap } = await world.log.read(
      a,
      { from: "position", position: { epoch, offset: 4 } },
      { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER },
    );
    expect(gap).toBe("epoch-changed");
    expect(publications.map((it) => [it.epoch, it.offset])).toEqual([1, 2, 3, 4].map((it) => [top?.epoch ?? "", it]));
  });

  test("a channel that is not behind any position that was seen keeps its epoch", async () => {
    await world.store();
    const top = await world.top();
    for (const seen of [top, { ...top, offset: 0 }, { epoch: "foreign", offset: 7 }]) {
      expect((await world.log.tops([a], new Map([[a, seen]]))).get(a)).toEqual(top);
    }
  });
}

function reading(world: World, test: Declare): void {
  const cases: [string, (epoch: string, now: number) => Since, number[], string | undefined][] = [
    ["a position in between", (epoch) => ({ from: "position", position: { epoch, offset: 5 } }), [6, 7, 8], undefined],
    [
      "the position before the oldest",
      (epoch) => ({ from: "position", position: { epoch, offset: 3 } }),
      [4, 5, 6, 7, 8],
      undefined,
    ],
    [
      "the position before that one",
      (epoch) => ({ from: "position", position: { epoch, offset: 2 } }),
      [4, 5, 6, 7, 8],
      "history-too-short",
    ],
    ["the top", (epoch) => ({ from: "position", position: { epoch, offset: 8 } }), [], undefined],
    [
      "a position beyond the top",
      (epoch) => ({ from: "position", position: { epoch, offset: 9 } }),
      [4, 5, 6, 7, 8],
      "epoch-changed",
    ],
    [
      "a position of another epoch",
      () => ({ from: "position", position: { epoch: "other", offset: 8 } }),
      [4, 5, 6, 7, 8],
      "epoch-changed",
    ],
    ["the earliest", () => earliest, [4, 5, 6, 7, 8], undefined],
    ["an age that reaches exactly to one of them", () => ({ from: "age", ms: 20 }), [6, 7, 8], undefined],
    ["an age one millisecond shorter", () => ({ from: "age", ms: 19 }), [7, 8], undefined],
    [
      "an age that ends one millisecond after the last one that is gone",
      () => ({ from: "age", ms: 49 }),
      [4, 5, 6, 7, 8],
      undefined,
    ],
    [
      "an age that reaches to the last one that is gone",
      () => ({ from: "age", ms: 50 }),
      [4, 5, 6, 7, 8],
      "history-too-short",
    ],
    ["an age of nothing", () => ({ from: "age", ms: 0 }), [8], undefined],
    ["the last 2", () => ({ from: "last", count: 2 }), [7, 8], undefined],
    ["the last 0", () => ({ from: "last", count: 0 }), [], undefined],
    ["as many as there are", () => ({ from: "last", count: 5 }), [4, 5, 6, 7, 8], undefined],
    ["one more than there are", () => ({ from: "last", count: 6 }), [4, 5, 6, 7, 8], "history-too-short"],
  ];
  for (const [what, since, offsets, gap] of cases) {
    test(`reads what came after ${what}`, async () => {
      const epoch = await storeEight(world);
      const history = await world.log.read(a, since(epoch, world.clock.now()), {
        limit: 1000,
        maxBytes: Number.MAX_SAFE_INTEGER,
      });
      expect(history.publications.map(({ offset }) => offset)).toEqual(offsets);
      expect({ gap: String(history.gap), top: history.top }).toEqual({ gap: String(gap), top: { epoch, offset: 8 } });
    });
  }

  test("a limit selects the oldest of the requested publications, and does not change the top and the gap", async () => {
    const epoch = await storeEight(world);
    const since: Since = { from: "position", position: { epoch, offset: 2 } };
    for (const [limit, offsets] of [
      [0, []],
      [1, [4]],
      [5, [4, 5, 6, 7, 8]],
      [6, [4, 5, 6, 7, 8]],
    ] as const) {
      const { publications, gap, top } = await world.log.read(a, since, { limit, maxBytes: Number.MAX_SAFE_INTEGER });
      expect([publications.map(({ offset }) => offset), gap, top.offset]).toEqual([
        [...offsets],
        "history-too-short",
        8,
      ]);
    }
  });

  test("a page contains as many publications as fit into its bytes, and at least one of any size", async () => {
    const one = costOf({ channel: a, message: "12345" });
    for (let count = 0; count < 3; count++) await world.store({ message: "12345" });
    await world.store({ message: "x".repeat(10_000) });
    const epoch = (await world.top()).epoch;
    for (const [after, maxBytes, offsets] of [
      [0, 2 * one - 1, [1]],
      [0, 2 * one, [1, 2]],
      [0, 3 * one + 100, [1, 2, 3]],
      [0, 0, [1]],
      [1, one, [2]],
      [3, one, [4]],
      [4, 0, []],
    ] as const) {
      const since: Since = { from: "position", position: { epoch, offset: after } };
      const { publications, gap, top } = await world.log.read(a, since, { limit: 10, maxBytes });
      expect([publications.map(({ offset }) => offset), gap, top.offset]).toEqual([[...offsets], undefined, 4]);
    }
  });

  test("an unknown channel has an empty, complete history, and keeps the epoch of that answer", async () => {
    const wishes: Since[] = [earliest, { from: "age", ms: 1000 }, { from: "last", count: 3 }];
    for (const since of wishes) {
      const { publications, gap, top } = await world.log.read(a, since, {
        limit: 10,
        maxBytes: Number.MAX_SAFE_INTEGER,
      });
      expect([publications, gap, top.offset]).toEqual([[], undefined, 0]);
      expect(await world.top()).toEqual(top);
    }
    expect((await world.store()).epoch).toBe((await world.top()).epoch);
  });

  test("a position in an unknown channel is from another epoch", async () => {
    const position = { epoch: "before", offset: 3 };
    expect(
      (await world.log.read(a, { from: "position", position }, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER })).gap,
    ).toBe("epoch-changed");
  });
}

/** Publishes eight messages 10 ms apart. The last five are kept, and the newest was published now. @returns the epoch */
async function storeEight(world: World): Promise<string> {
  let epoch = "";
  for (let count = 1; count <= 8; count++) {
    if (count > 1) world.clock.move(10);
    ({ epoch } = await world.store({}, { ...rules, historySize: 5 }));
  }
  return epoch;
}

function bounds(world: World, test: Declare): void {
  test("a channel keeps its maximum number of publications, and not one more", async () => {
    const its = { ...rules, historySize: 3 };
    for (let count = 0; count < 3; count++) await world.store({}, its);
    expect(await world.offsets(earliest)).toEqual([1, 2, 3]);
    await world.store({}, its);
    expect(await world.offsets(earliest)).toEqual([2, 3, 4]);
  });

  test("rules of changed settings hold at once, and wider ones do not bring anything back", async () => {
    for (let count = 0; count < 5; count++) await world.store({});
    const { epoch } = await world.store({ channel: b });
    const narrow = { ...rules, historySize: 2 };
    await world.log.applyRules((channel) => (channel === a ? narrow : rules));
    expect(await world.offsets(earliest)).toEqual([4, 5]);
    expect((await world.log.summary(a))?.messages).toBe(2);
    await world.log.applyRules(() => rules);
    await world.store({});
    expect(await world.offsets(earliest)).toEqual([4, 5, 6]);
    expect(await world.log.tops([b])).toEqual(new Map([[b, { epoch, offset: 1 }]]));
  });

  test("a size of 0 keeps no publications, and still assigns offsets", async () => {
    const its = { ...rules, historySize: 0 };
    await world.store({}, its);
    const { epoch } = await world.store({}, its);
    const { publications, top, gap } = await world.log.read(
      a,
      { from: "position", position: { epoch, offset: 1 } },
      { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER },
    );
    expect([publications, top, gap]).toEqual([[], { epoch, offset: 2 }, "history-too-short"]);
  });

  test("a publication of exactly the maximum age is kept, and one a millisecond older is not", async () => {
    const { epoch } = await world.store({}, { ...rules, historyTtl: 500 });
    world.clock.move(500);
    expect(await world.offsets(earliest)).toEqual([1]);
    world.clock.move(1);
    expect(await world.offsets(earliest)).toEqual([]);
    const { gap } = await world.log.read(
      a,
      { from: "position", position: { epoch, offset: 0 } },
      { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER },
    );
    expect(gap).toBe("history-too-short");
  });

  test("a channel keeps its maximum number of bytes, and not one more", async () => {
    const two = 2 * costOf({ channel: a, message: "12345" });
    await world.store({ message: "12345" }, { ...rules, historyBytes: two });
    await world.store({ message: "12345" }, { ...rules, historyBytes: two });
    expect(await world.offsets(earliest)).toEqual([1, 2]);
    await world.store({ message: "12345" }, { ...rules, historyBytes: 3 * (two / 2) - 1 });
    expect(await world.offsets(earliest)).toEqual([2, 3]);
  });

  test("a publication larger than its channel's limit gets an offset, and neither it nor earlier ones are kept", async () => {
    const its = { ...rules, historyBytes: costOf({ channel: a, message: "12345" }) };
    await world.store({ message: "12345" }, its);
    await world.store({ message: "123456" }, its);
    expect([await world.offsets(earliest), (await world.top()).offset]).toEqual([[], 2]);
    await world.store({ message: "12345" }, its);
    expect(await world.offsets(earliest)).toEqual([3]);
  });

  test("stricter limits take effect with the publication that has them", async () => {
    for (let count = 0; count < 5; count++) await world.store();
    await world.store({}, { ...rules, historySize: 2 });
    expect(await world.offsets(earliest)).toEqual([5, 6]);
  });

  test("looser limits do not restore expired publications", async () => {
    await world.store({}, { ...rules, historyTtl: 500 });
    world.clock.move(501);
    await world.store({}, { ...rules, historyTtl: 5000 });
    expect(await world.offsets(earliest)).toEqual([2]);
  });

  test("above the total limit, the least recently used channel is evicted first, oldest publications first", async () => {
    const one = costOf({ channel: a, message: "m" });
    await world.begin({ totalBytes: 4 * one + 3 * channelCost(a) });
    for (const channel of [a, a, b, b]) await world.store({ channel });
    expect([await world.offsets(earliest, a), await world.offsets(earliest, b)]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    await world.store({ channel: b });
    await world.top(a); // now b is the one
    await world.store({ channel: "c" as ChannelName });
    expect([await world.offsets(earliest, a), await world.offsets(earliest, b)]).toEqual([[2], [2, 3]]);
  });

  test("known channels count toward the total limit: they evict publications, and one too many is refused", async () => {
    const c = "c" as ChannelName;
    const one = costOf({ channel: a, message: "m" });
    await world.begin({ totalBytes: 3 * channelCost(a) + one - 1 });
    await world.store();
    await world.top(b);
    expect(await world.offsets(earliest)).toEqual([1]);
    await world.top(c);
    expect(await world.offsets(earliest)).toEqual([]);
    await world.begin({ totalBytes: 2 * channelCost(a), minIdleMs: 1000 });
    await world.log.tops([a, b]);
    expect(await refusalOf(world.log.tops([c]))).toMatchObject({ code: "too-many-channels" });
    world.clock.move(1001);
    expect((await world.log.tops([c])).get(c)?.offset).toBe(0);
  });

  test("epoch and top are kept when all messages are gone", async () => {
    await world.store();
    const { epoch } = await world.store();
    await world.clock.moveInSteps(3_600_000, 600_000);
    expect([await world.offsets(earliest), await world.top()]).toEqual([[], { epoch, offset: 2 }]);
    expect(await world.store()).toMatchObject({ epoch, offset: 3 });
  });
}

function idempotency(world: World, test: Declare): void {
  const withId = (id: string, channel = a) => ({ draft: { channel, id, message: id }, rules });

  test("a repeated id is stored once, and the answer has the first position, whatever the body", async () => {
    const { epoch } = await world.store({ id: "x" });
    await world.store();
    const [again] = await world.log.append([{ draft: { channel: a, id: "x", message: "other" }, rules }]);
    expect(again).toEqual({ outcome: "duplicate", id: "x", position: { epoch, offset: 1 } });
    expect(await world.offsets(earliest)).toEqual([1, 2]);
  });

  test("the same id twice in one batch is stored once", async () => {
    expect(outcomes(await world.log.append([withId("x"), withId("x"), withId("y")]))).toEqual([
      "stored",
      "duplicate",
      "stored",
    ]);
  });

  test("the same id in another channel is a different publication", async () => {
    expect(outcomes(await world.log.append([withId("x", a), withId("x", b)]))).toEqual(["stored", "stored"]);
  });

  test("an id is remembered for the whole window, and is new a millisecond later", async () => {
    await world.begin({ idWindowMs: 1000 });
    await world.store({ id: "x" });
    world.clock.move(1000);
    expect(outcomes(await world.log.append([withId("x")]))).toEqual(["duplicate"]);
    world.clock.move(1);
    expect(outcomes(await world.log.append([withId("x"), withId("x")]))).toEqual(["stored", "duplicate"]);
  });

  test("an id is remembered after its publication is evicted", async () => {
    await world.store({ id: "x" }, { ...rules, historySize: 0 });
    expect(outcomes(await world.log.append([withId("x")]))).toEqual(["duplicate"]);
  });

  test("when the memory for ids is full, new ids are refused, old ones are still recognized, and everything else works", async () => {
    await world.begin({ idBytes: 2000, idWindowMs: 1000 });
    let taken = 0;
    while (outcomes(await world.log.append([withId(`id-${taken}`)]))[0] === "stored") taken++;
    expect(taken).toBeGreaterThan(1);
    const batch = [withId("new"), withId("id-0"), { draft: { channel: a, message: "no id" }, rules }];
    expect(outcomes(await world.log.append(batch))).toEqual(["idempotency-full", "duplicate", "stored"]);
    world.clock.move(1001);
    expect(outcomes(await world.log.append([withId("new")]))).toEqual(["stored"]);
  });
}

function clockSteps(world: World, test: Declare): void {
  const hours = 3_600_000;
  test("setting the wall clock forward neither expires history nor forgets ids", async () => {
    await world.store({ id: "x" });
    world.clock.set(12 * hours);
    // Describing a channel drops what has expired.
    expect((await world.log.summary(a))?.messages).toBe(1);
    expect((await world.log.list("", "", 10)).map(({ messages }) => messages)).toEqual([1]);
    expect(await world.offsets(earliest)).toEqual([1]);
    const [again] = await world.log.append([{ draft: { channel: a, id: "x", message: "m" }, rules }]);
    expect(again?.outcome).toBe("duplicate");
    const stored = await world.store();
    expect(stored.timestamp).toBe(world.clock.now());
    expect(await world.offsets({ from: "age", ms: 1000 })).toEqual([1, 2]);
  });

  test("setting the wall clock back keeps nothing past its expiry", async () => {
    await world.begin({ idWindowMs: 1000 });
    await world.store({ id: "x" }, { ...rules, historyTtl: 1000 });
    world.clock.set(-12 * hours);
    world.clock.move(1001);
    expect((await world.log.summary(a))?.messages).toBe(0);
    expect(await world.offsets(earliest)).toEqual([]);
    expect(await world.store({ id: "x" })).toMatchObject({ offset: 2, timestamp: world.clock.now() });
  });
}

function channels(world: World, test: Declare): void {
  const c = "c" as ChannelName;

  test("the maximum number of channels is accepted, and only one more is refused", async () => {
    await world.begin({ maxChannels: 2 });
    const batch = [a, b, c, a].map((channel) => ({ draft: { channel, message: "m" }, rules }));
    expect(outcomes(await world.log.append(batch))).toEqual(["stored", "stored", "too-many-channels", "stored"]);
    expect(await refusalOf(world.log.tops([a, c]))).toMatchObject({ code: "too-many-channels" });
    const { publications, top, gap } = await world.log.read(c, earliest, {
      limit: 10,
      maxBytes: Number.MAX_SAFE_INTEGER,
    });
    expect([publications, top.offset, gap]).toEqual([[], 0, undefined]);
  });

  test("an empty channel that was not used for a while is evicted for a new one, and has another epoch afterwards", async () => {
    await world.begin({ maxChannels: 2, minIdleMs: 1000 });
    const { epoch } = await world.store({ channel: a }, { ...rules, historySize: 0 });
    await world.store({ channel: b });
    world.clock.move(1000);
    expect(await refusalOf(world.log.tops([c]))).toMatchObject({ code: "too-many-channels" });
    world.clock.move(1);
    expect((await world.top(c)).offset).toBe(0);
    expect(await refusalOf(world.log.tops([a]))).toMatchObject({ code: "too-many-channels" });
    world.clock.move(1001);
    expect((await world.store({ channel: a })).epoch).not.toBe(epoch);
  });

  test("a channel that was not used for long expires in the background, and has another epoch afterwards", async () => {
    await world.begin({ forgetMs: 100_000 });
    const [first, second] = [await world.store({ channel: a }), await world.store({ channel: b })];
    await world.clock.moveInSteps(90_000, 5000);
    await world.top(b);
    await world.clock.moveInSteps(90_000, 5000);
    expect((await world.top(a)).epoch).not.toBe(first.epoch);
    expect((await world.top(b)).epoch).toBe(second.epoch);
  });

  test("lists channels sorted by name, filtered by prefix, after a name, up to a limit", async () => {
    const names = ["room:2", "room:10", "room:1", "other", "room:Ä", "ROOM:1"];
    await world.log.append(names.map((name) => ({ draft: { channel: name as ChannelName, message: "m" }, rules })));
    await world.log.tops(["room:0" as ChannelName]);
    const listed = async (prefix: string, after: string, limit: number) =>
      (await world.log.list(prefix, after, limit)).map(({ channel }) => String(channel));
    expect(await listed("room:", "", 100)).toEqual(["room:0", "room:1", "room:10", "room:2", "room:Ä"]);
    expect(await listed("room:", "room:1", 2)).toEqual(["room:10", "room:2"]);
    expect(await listed("", "room:2", 100)).toEqual(["room:Ä"]);
    expect([await listed("", "", 0), await listed("none", "", 10)]).toEqual([[], []]);
  });

  test("describes a channel without creating it", async () => {
    await world.store({}, { ...rules, historySize: 1 });
    await world.store({}, { ...rules, historySize: 1 });
    expect(await world.log.summary(a)).toEqual({ channel: a, top: await world.top(a), messages: 1 });
    expect([await world.log.summary(b), (await world.log.list("", "", 10)).length]).toEqual([undefined, 1]);
  });

  test("lists each channel with its top and its kept history", async () => {
    for (let count = 0; count < 3; count++) await world.store({}, { ...rules, historySize: 2, historyTtl: 1000 });
    const top = await world.top();
    expect(await world.log.list("", "", 10)).toEqual([{ channel: a, top, messages: 2 }]);
    world.clock.move(1001);
    expect(await world.log.list("", "", 10)).toEqual([{ channel: a, top, messages: 0 }]);
  });
}

function againstModel(world: World, test: Declare): void {
  const small = fc.record({
    historySize: fc.nat(6),
    historyTtl: fc.constantFrom(0, 100, 1000),
    historyBytes: fc.constantFrom(0, 450, 1450, 20_000),
  });
  const since = fc.oneof(
    fc.nat(12).map((offset) => ({ from: "position", offset }) as const),
    fc.constant({ from: "earliest" } as const),
    fc.nat(200).map((ms) => ({ from: "age", ms }) as const),
    fc.nat(8).map((count) => ({ from: "last", count }) as const),
  );
  const name = fc.constantFrom("x", "y");
  const draft = fc.record({ name, id: fc.option(fc.constantFrom("1", "2"), { nil: undefined }), length: fc.nat(20) });
  const step = fc.oneof(
    fc.record({ verb: fc.constant("append" as const), drafts: fc.array(draft, { maxLength: 6 }), its: small }),
    fc.record({ verb: fc.constant("move" as const), ms: fc.nat(150) }),
    fc.record({
      verb: fc.constant("read" as const),
      name,
      since,
      limit: fc.nat(8),
      maxBytes: fc.constantFrom(0, 450, 1000, Number.MAX_SAFE_INTEGER),
    }),
  );

  test("behaves like the model, whatever is appended and read, and whatever time passes", async () => {
    await world.begin({ idWindowMs: 150 });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 30 }), async (steps) => {
        const model = new LogModel(150);
        const prefix = `${run++}:`; // Each run uses its own channels, since creating a log is slow.
        const called = (it: string) => `${prefix}${it}` as ChannelName;
        for (const it of steps) {
          if (it.verb === "move") world.clock.move(it.ms);
          else if (it.verb === "append") {
            const drafts = it.drafts.map(({ name, id, length }): Draft => {
              const body = { channel: called(name), message: "m".repeat(length) };
              return id === undefined ? body : { ...body, id };
            });
            const appended = await world.log.append(drafts.map((draft) => ({ draft, rules: it.its })));
            const expected = drafts.map((draft) => model.append(draft, it.its, world.clock.now()));
            expect(appended.map(placeOf)).toEqual(expected);
          } else {
            const { epoch } = await world.top(called(it.name));
            const asked: Since =
              it.since.from === "position"
                ? { from: "position", position: { epoch, offset: it.since.offset } }
                : it.since;
            const { top, publications, gap } = await world.log.read(called(it.name), asked, it);
            const items = publications.map(({ offset, message }) => [offset, message]);
            expect({ top: top.offset, items, gap }).toEqual(model.read(called(it.name), asked, it, world.clock.now()));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
}

function placeOf(appended: Appended): { outcome: string; offset: number } {
  if (appended.outcome === "stored") return { outcome: "stored", offset: appended.publication.offset };
  return { outcome: appended.outcome, offset: appended.outcome === "duplicate" ? appended.position.offset : -1 };
}
