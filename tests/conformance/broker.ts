import { afterEach, beforeEach, describe, expect } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import type { Broker } from "../../server/broker/broker.ts";
import { costOf } from "../../server/broker/cost-of.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { type Declare, declareSuite, type Skip } from "./skip.ts";

/** Workers that share one history, which is initially empty. */
export interface TestedBrokers {
  /** The broker of another worker, not started yet. */
  connect(): Broker;
  /** Called after all of them are closed. */
  dispose(): Promise<void>;
}

export type MakeBrokers = () => Promise<TestedBrokers>;

const rules: HistoryRules = { historySize: 1000, historyTtl: 60_000, historyBytes: 1_000_000 };
const a = "a" as ChannelName;
const b = "b" as ChannelName;
const earliest: Since = { from: "earliest" };

/** The contract of every broker. A new broker is complete when it passes, except for tests that it cannot pass by design. */
export function brokerConformance(
  name: string,
  make: MakeBrokers,
  options: { readonly skip?: readonly Skip[] } = {},
): void {
  describe(`${name} keeps the Broker contract`, () => {
    const world = new World(make);
    beforeEach(() => world.begin());
    afterEach(() => world.end());
    declareSuite(options.skip ?? [], (test) => {
      publishing(world, test);
      delivering(world, test);
      reading(world, test);
      goingBack(world, test);
      living(world, test);
      betweenWorkers(world, test);
    });
  });
}

/** A started broker, and the events that it reported. */
class Worker {
  readonly broker: Broker;
  readonly received: Publication[] = [];
  readonly health: boolean[] = [];
  readonly resets: { readonly channel: ChannelName; readonly top: Position }[] = [];
  #waiters: (() => void)[] = [];

  constructor(broker: Broker) {
    this.broker = broker;
  }

  async start(): Promise<this> {
    await this.broker.start({
      onPublication: (publication) => {
        this.received.push(publication);
        for (const wake of this.#waiters.splice(0)) wake();
      },
      onBreak: () => {},
      onReset: (channel, top) => {
        this.resets.push({ channel, top });
        for (const wake of this.#waiters.splice(0)) wake();
      },
      onHealth: (healthy) => this.health.push(healthy),
    });
    return this;
  }

  publish(draft: Partial<Draft> = {}) {
    return this.broker.publish({ channel: a, message: "m", ...draft }, rules);
  }

  /** Waits until this many publications were delivered. The test's timeout ends it. */
  async until(count: number): Promise<readonly Publication[]> {
    while (this.received.length < count) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.received;
  }

  async untilReset(): Promise<void> {
    while (this.resets.length === 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }
}

class World {
  readonly #make: MakeBrokers;
  #tested: TestedBrokers | undefined;
  #workers: Worker[] = [];
  #first: Worker | undefined;

  constructor(make: MakeBrokers) {
    this.#make = make;
  }

  async begin(): Promise<void> {
    this.#tested = await this.#make();
    this.#first = await this.connect();
  }

  async connect(): Promise<Worker> {
    if (this.#tested === undefined) throw new Error("no test has begun");
    const worker = new Worker(this.#tested.connect());
    this.#workers.push(worker);
    return worker.start();
  }

  get worker(): Worker {
    if (this.#first === undefined) throw new Error("no test has begun");
    return this.#first;
  }

  async end(): Promise<void> {
    for (const { broker } of this.#workers.splice(0)) await broker.close();
    await this.#tested?.dispose();
  }
}

function publishing(world: World, test: Declare): void {
  test("a receipt contains ID and position, and the publication is in the history", async () => {
    const { worker } = world;
    const receipt = await worker.publish({ id: "x", message: "hello" });
    const { publications, top } = await worker.broker.history(a, earliest, {
      limit: 10,
      maxBytes: Number.MAX_SAFE_INTEGER,
    });
    expect(receipt).toEqual({ id: "x", position: { epoch: top.epoch, offset: 1 }, duplicate: false, listeners: 0 });
    expect(publications).toMatchObject([{ id: "x", offset: 1, epoch: top.epoch, message: "hello" }]);
  });

  test("a receipt contains the number of workers that listened: one while this worker listens, none before and after", async () => {
    const { worker } = world;
    const listenersOf = async (draft: Partial<Draft> = {}) => (await worker.publish(draft)).listeners;
    expect(await listenersOf()).toBe(0);
    await worker.broker.listen(a);
    expect(await listenersOf()).toBe(1);
    expect(await listenersOf({ channel: b })).toBe(0);
    expect(await listenersOf({ ephemeral: true })).toBe(1);
    await worker.broker.unlisten(a);
    expect(await listenersOf()).toBe(0);
  });

  test("drafts without an id get unique ones", async () => {
    const receipts = await Promise.all(Array.from({ length: 50 }, () => world.worker.publish()));
    expect(new Set(receipts.map(({ id }) => id)).size).toBe(50);
  });

  test("drafts of one caller are stored in the order of the calls", async () => {
    const { worker } = world;
    const calls = Array.from({ length: 3000 }, (_, count) =>
      worker.publish({ message: `${count}`, channel: count % 3 ? a : b }),
    );
    const receipts = await Promise.all(calls);
    const offsets = receipts.filter((_, count) => count % 3).map(({ position }) => position?.offset);
    expect(offsets).toEqual(Array.from({ length: 2000 }, (_, count) => count + 1));
  });

  test("the same id is stored and delivered once; the second caller gets the first one's position", async () => {
    const { worker } = world;
    await worker.broker.listen(a);
    const [first, second] = await Promise.all([worker.publish({ id: "x" }), worker.publish({ id: "x" })]);
    expect(second).toEqual({ ...first, duplicate: true, listeners: undefined });
    await worker.publish({ id: "y" });
    expect((await worker.until(2)).map(({ id }) => id)).toEqual(["x", "y"]);
  });
}

function delivering(world: World, test: Declare): void {
  test("a listener receives the publications of its channels intact, in order and once", async () => {
    const { worker } = world;
    await Promise.all([worker.broker.listen(a), worker.broker.listen(b)]);
    for (const channel of [a, b, a, "other" as ChannelName, b]) await worker.publish({ channel, sender: "Bob" });
    const received = await worker.until(4);
    // Each channel by itself: the nodes of a cluster promise no order between two of them.
    const ofChannel = (name: ChannelName) => received.filter(({ channel }) => channel === name);
    for (const name of [a, b]) expect(ofChannel(name).map(({ offset }) => offset)).toEqual([1, 2]);
    expect(ofChannel(a).slice(0, 1)).toEqual([
      ...(await worker.broker.history(a, earliest, { limit: 1, maxBytes: Number.MAX_SAFE_INTEGER })).publications,
    ]);
  });

  test("an ephemeral draft is delivered in order and not stored", async () => {
    const { worker } = world;
    await worker.broker.listen(a);
    const receipts = await Promise.all([
      worker.publish({ message: "1" }),
      worker.publish({ message: "typing", ephemeral: true }),
      worker.publish({ message: "2" }),
    ]);
    const received = await worker.until(3);
    expect(received.map(({ message, offset }) => [message, offset])).toEqual([
      ["1", 1],
      ["typing", 0],
      ["2", 2],
    ]);
    expect(received.every((it) => !("ephemeral" in it))).toBe(true);
    expect(receipts[1]).toEqual({ id: receipts[1].id, position: undefined, duplicate: false, listeners: 1 });
    expect(
      (await worker.broker.history(a, earliest, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER })).publications,
    ).toHaveLength(2);
  });

  test("an ephemeral draft with an id is delivered each time", async () => {
    const { worker } = world;
    await worker.broker.listen(a);
    const receipts = [
      await worker.publish({ id: "x", ephemeral: true }),
      await worker.publish({ id: "x", ephemeral: true }),
    ];
    expect(receipts.map(({ duplicate }) => duplicate)).toEqual([false, false]);
    expect((await worker.until(2)).map(({ id }) => id)).toEqual(["x", "x"]);
  });

  test("listening returns the top, and everything after it is delivered, however much is published in the meantime", async () => {
    const { worker } = world;
    const publishing = Promise.all(Array.from({ length: 500 }, () => worker.publish()));
    const top = await worker.broker.listen(a);
    await publishing;
    await worker.publish({ message: "last" });
    while (worker.received.at(-1)?.message !== "last") await worker.until(worker.received.length + 1);
    const offsets = worker.received.map(({ offset }) => offset).filter((offset) => offset > top.offset);
    expect(offsets).toEqual(Array.from({ length: 501 - top.offset }, (_, index) => top.offset + 1 + index));
  });

  test("after unlisten nothing is delivered from the channel until it is listened to again", async () => {
    const { worker } = world;
    await worker.broker.listen(a);
    await worker.broker.listen(b);
    await worker.broker.unlisten(a);
    await worker.publish();
    await worker.publish({ channel: b });
    expect((await worker.until(1)).map(({ channel }) => String(channel))).toEqual(["b"]);
    expect((await worker.broker.listen(a)).offset).toBe(1);
    await worker.publish();
    expect((await worker.until(2)).map(({ channel, offset }) => [String(channel), offset])).toEqual([
      ["b", 1],
      ["a", 2],
    ]);
  });

  test("unlisten of a channel that is not listened to does nothing", async () => {
    await world.worker.broker.unlisten(a);
    expect((await world.worker.publish()).position?.offset).toBe(1);
  });
}

function reading(world: World, test: Declare): void {
  test("history continues after a position, and reports what it no longer has", async () => {
    const { worker } = world;
    for (let count = 0; count < 5; count++) {
      await worker.broker.publish({ channel: a, message: `${count}` }, { ...rules, historySize: 3 });
    }
    const { top } = await worker.broker.history(a, earliest, { limit: 0, maxBytes: Number.MAX_SAFE_INTEGER });
    const after = async (offset: number, epoch = top.epoch) => {
      const { publications, gap } = await worker.broker.history(
        a,
        { from: "position", position: { epoch, offset } },
        { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER },
      );
      return [publications.map((it) => it.offset), gap];
    };
    expect(await after(3)).toEqual([[4, 5], undefined]);
    expect(await after(2)).toEqual([[3, 4, 5], undefined]);
    expect(await after(1)).toEqual([[3, 4, 5], "history-too-short"]);
    expect(await after(5, "other")).toEqual([[3, 4, 5], "epoch-changed"]);
  });

  test("a page of history is limited in bytes too, but contains at least one publication of any size", async () => {
    const { worker } = world;
    const draft = { channel: a, message: "x".repeat(300_000) };
    const one = costOf(draft);
    for (let count = 0; count < 4; count++) await worker.broker.publish(draft, { ...rules, historyBytes: 10_000_000 });
    for (const [maxBytes, count] of [
      [0, 1],
      [2 * one - 1, 1],
      [2 * one, 2],
      [Number.MAX_SAFE_INTEGER, 4],
    ] as const) {
      const { publications, top, gap } = await worker.broker.history(a, earliest, { limit: 10, maxBytes });
      expect([publications.map(({ offset }) => offset), top.offset, gap]).toEqual([
        [1, 2, 3, 4].slice(0, count),
        4,
        undefined,
      ]);
    }
  });

  test("one request returns the tops of many channels, including unknown ones, and does not change them", async () => {
    const { worker } = world;
    await worker.publish();
    const names = [a, ...Array.from({ length: 200 }, (_, count) => `new:${count}` as ChannelName)];
    const tops = await worker.broker.tops(names);
    expect([...tops.keys()].sort()).toEqual([...names].sort());
    expect(tops.get(a)?.offset).toBe(1);
    expect([...tops.values()].filter(({ offset }) => offset === 0)).toHaveLength(200);
    expect(await worker.broker.tops(names)).toEqual(tops);
  });

  test("listening to an unknown channel returns the epoch of its first publication", async () => {
    const top = await world.worker.broker.listen(a);
    expect((await world.worker.publish()).position).toEqual({ epoch: top.epoch, offset: 1 });
  });
}

function goingBack(world: World, test: Declare): void {
  /** A channel with two publications, of which the worker has seen more than the broker has. */
  const publishTwo = async ({ broker }: Worker, beyond: number) => {
    const { epoch } = await broker.listen(a);
    for (const message of ["1", "2"]) await broker.publish({ channel: a, message }, rules);
    return { epoch, offset: 2 + beyond };
  };

  test("a channel that is behind its caller's position continues in a new epoch, and listeners are told", async () => {
    const { worker } = world;
    const seen = await publishTwo(worker, 3);
    const top = (await worker.broker.tops([a, b], new Map([[a, seen]]))).get(a);
    expect(top?.offset).toBe(2);
    expect(top?.epoch).not.toBe(seen.epoch);
    await worker.untilReset();
    expect(worker.resets).toEqual([{ channel: a, top: top ?? seen }]);
    expect((await worker.publish()).position).toEqual({ epoch: top?.epoch ?? "", offset: 3 });
    const { publications, gap } = await worker.broker.history(
      a,
      { from: "position", position: seen },
      { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER },
    );
    expect(gap).toBe("epoch-changed");
    expect(publications.map(({ epoch, offset }) => [epoch, offset])).toEqual(
      [1, 2, 3].map((it) => [top?.epoch ?? "", it]),
    );
    expect(new Set((await worker.broker.tops([a], new Map([[a, seen]]))).values())).toEqual(
      new Set([{ epoch: top?.epoch ?? "", offset: 3 }]),
    );
  });

  test("a channel that is not behind its caller, or is in another epoch, keeps its epoch", async () => {
    const { worker } = world;
    const seen = await publishTwo(worker, 0);
    const foreign = { epoch: "foreign", offset: 99 };
    const before = (await worker.broker.tops([a])).get(a);
    for (const position of [seen, { ...seen, offset: 1 }, foreign]) {
      expect((await worker.broker.tops([a], new Map([[a, position]]))).get(a)).toEqual(before);
    }
    expect((await worker.publish()).position).toEqual({ epoch: seen.epoch, offset: 3 });
  });
}

function living(world: World, test: Declare): void {
  test("is healthy once it is started", () => {
    expect(world.worker.health).toEqual([true]);
  });

  test("closing finishes accepted requests, and refuses later ones", async () => {
    const { worker } = world;
    const accepted = Promise.all(Array.from({ length: 1500 }, () => worker.publish()));
    const closing = worker.broker.close();
    const late = worker.publish();
    await expect(late).rejects.toMatchObject({ code: "broker-unavailable" });
    await closing;
    expect((await accepted).map(({ position }) => position?.offset).at(-1)).toBe(1500);
    await worker.broker.close();
  });
}

function betweenWorkers(world: World, test: Declare): void {
  test("two workers receive the same publications in the same order, whichever worker published", async () => {
    const [one, two] = [world.worker, await world.connect()];
    await Promise.all([one.broker.listen(a), two.broker.listen(a)]);
    await Promise.all(Array.from({ length: 200 }, (_, count) => (count % 2 ? one : two).publish()));
    expect(await one.until(200)).toEqual(await two.until(200));
    expect(one.received.map(({ offset }) => offset)).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test("a receipt counts the workers that listened, whichever worker published", async () => {
    const [one, two, three] = [world.worker, await world.connect(), await world.connect()];
    await Promise.all([one.broker.listen(a), two.broker.listen(a)]);
    const receipts = [await one.publish(), await two.publish(), await three.publish()];
    expect(receipts.map(({ listeners }) => listeners)).toEqual([2, 2, 2]);
  });

  test("an id stored by one worker is a duplicate on another", async () => {
    const two = await world.connect();
    const first = await world.worker.publish({ id: "x" });
    expect(await two.publish({ id: "x" })).toEqual({ ...first, duplicate: true, listeners: undefined });
  });

  test("every worker that listens to a channel is told about its new epoch", async () => {
    const [one, two] = [world.worker, await world.connect()];
    const { epoch } = await one.broker.listen(a);
    await two.broker.listen(a);
    const tops = await one.broker.tops([a], new Map([[a, { epoch, offset: 1 }]]));
    await Promise.all([one.untilReset(), two.untilReset()]);
    expect([...two.resets, ...one.resets].map(({ top }) => top)).toEqual([...tops.values(), ...tops.values()]);
  });

  test("a worker that starts later reads earlier publications", async () => {
    await world.worker.publish({ message: "before" });
    const two = await world.connect();
    expect(
      (await two.broker.history(a, earliest, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER })).publications,
    ).toMatchObject([{ message: "before" }]);
  });
}

/** Tests that need several workers, so a broker of a single process skips them. */
export const oneWorkerOnly: readonly Skip[] = [
  "two workers receive the same publications in the same order, whichever worker published",
  "a receipt counts the workers that listened, whichever worker published",
  "an id stored by one worker is a duplicate on another",
  "every worker that listens to a channel is told about its new epoch",
  "a worker that starts later reads earlier publications",
].map((test) => ({ test, reason: "it is one process by itself" }));
