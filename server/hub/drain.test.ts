import { afterEach, describe, expect, test } from "bun:test";
import { TestHub } from "../../tests/fakes/hub.ts";
import { Drain, type DrainSettings } from "./drain.ts";

let it: TestHub;
afterEach(() => it.close());

/** A hub that drains with dice that a test has thrown before: 0, 0.1, 0.2 … */
async function begin(settings: Partial<DrainSettings> = {}) {
  let thrown = 0;
  it = await TestHub.start({ onWelcomed: (session) => drain.notifyNew(session) });
  const drain = new Drain(
    { drainWindowMs: 10_000, drainMode: "wait", shutdownTimeoutMs: 1_800_000, ...settings },
    {
      connections: it.hub.connections,
      flush: () => it.hub.delivery.flushNow(),
      clock: it.clock,
      random: () => (thrown++ % 10) / 10,
    },
  );
  return drain;
}

const comeAll = (count: number) => Promise.all(Array.from({ length: count }, () => it.connect()));
const online = () => it.hub.connections.size;

/** Whether a promise is fulfilled within so much time. */
async function isDoneWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let isDone = false;
  void promise.then(() => {
    isDone = true;
  });
  await it.clock.moveInSteps(ms, 20);
  return isDone;
}

describe("draining", () => {
  test("tells each client its own moment in the window, and how long the server waits", async () => {
    const drain = await begin();
    const guests = await comeAll(3);
    await it.clock.moveInSteps(1000, 100);
    drain.notifyAll();
    const notices = guests.map(({ connection }) => connection.of("draining")[0]);
    expect(notices.map((notice) => notice?.reconnect_after_ms)).toEqual([0, 1000, 2000]);
    expect(notices[0]).toMatchObject({ deadline_ms: 1_800_000, event: "draining" });
  });

  test("tells nobody twice", async () => {
    const drain = await begin();
    const [guest] = await comeAll(1);
    drain.notifyAll();
    drain.notifyAll();
    expect(guest?.connection.of("draining")).toHaveLength(1);
  });

  test("counts its time from the announcement, and tells who comes meanwhile after the welcome", async () => {
    const drain = await begin();
    expect([drain.isAnnounced, drain.leftMs]).toEqual([false, 1_800_000]);
    drain.announce();
    await it.clock.moveInSteps(60_000, 1000);
    drain.announce();
    expect([drain.isAnnounced, drain.leftMs]).toEqual([true, 1_740_000]);
    const { connection } = await it.connect();
    expect(connection.taken.map(({ event }) => event)).toEqual(["welcome", "draining"]);
    expect(connection.of("draining")[0]?.deadline_ms).toBeLessThan(1_740_000);
  });

  test("in the mode `wait` closes nobody by itself", async () => {
    const drain = await begin();
    await comeAll(5);
    drain.notifyAll();
    await it.clock.moveInSteps(60_000, 1000);
    expect(online()).toBe(5);
  });

  test("in the mode `move` closes each at its moment", async () => {
    const drain = await begin({ drainMode: "move" });
    const guests = await comeAll(4);
    drain.notifyAll();
    expect(guests[3]?.connection.of("draining")[0]).toMatchObject({ deadline_ms: 3700, reconnect_after_ms: 2700 });
    const left: number[] = [];
    await it.clock.moveInSteps(1000, 100);
    for (let step = 0; step < 4; step++) {
      await it.clock.moveInSteps(450, 50);
      left.push(online());
      await it.clock.moveInSteps(450, 50);
    }
    expect(left).toEqual([3, 2, 1, 0]);
    expect(guests.map(({ connection }) => connection.closedWith?.name)).toEqual(Array(4).fill("restarting"));
    expect(drain.receipt).toMatchObject({ initial: 4, moved: 4, left: 0, forced: 0, maxCloseRate: 2 });
  });

  test("in the mode `move` closes nobody before a client that reconnects at its time can have moved", async () => {
    const drain = await begin({ drainMode: "move", drainWindowMs: 2000 });
    const [guest] = await comeAll(1);
    drain.notifyAll();
    const [notice] = guest?.connection.of("draining") ?? [];
    expect([notice?.reconnect_after_ms, notice?.deadline_ms]).toEqual([0, 500]); // a quarter of a short window
    await it.clock.moveInSteps(450, 50);
    expect(online()).toBe(1);
    await it.clock.moveInSteps(100, 50);
    expect(online()).toBe(0);
  });

  test("in the mode `move` lets a buffer empty first", async () => {
    const drain = await begin({ drainMode: "move" });
    const [guest] = await comeAll(1);
    guest?.connection.stall();
    drain.notifyAll();
    await it.clock.moveInSteps(2000, 100);
    expect(guest?.connection.closedWith).toBeUndefined();
    guest?.connection.resume();
    await it.clock.moveInSteps(100, 20);
    expect(guest?.connection.closedWith?.name).toBe("restarting");
  });

  test("who left by itself is counted as such", async () => {
    const drain = await begin({ drainMode: "move" });
    const [a] = await comeAll(2);
    drain.notifyAll();
    if (a !== undefined) it.leave(a);
    await it.clock.moveInSteps(3000, 100);
    expect(drain.receipt).toMatchObject({ initial: 2, left: 1, moved: 1, forced: 0 });
  });
});

describe("the end of patience", () => {
  test("closes all that are left, flushed first", async () => {
    const drain = await begin();
    const guests = await comeAll(3);
    drain.notifyAll();
    await it.publish("all", "the last word");
    expect(await isDoneWithin(drain.closeRest(), 200)).toBe(true);
    for (const { connection } of guests) {
      expect(connection.of("message").map(({ message }) => message)).toEqual(["the last word"]);
      expect(connection.closedWith?.name).toBe("restarting");
    }
    expect(drain.receipt).toMatchObject({ initial: 3, left: 0, forced: 3, unflushedBytes: 0 });
  });

  test("with nobody left is over at once", async () => {
    const drain = await begin();
    drain.notifyAll();
    let isDone = false;
    void drain.closeRest().then(() => {
      isDone = true;
    });
    await it.settle(1);
    expect([isDone, drain.receipt.initial]).toEqual([true, 0]);
  });

  test("waits for a buffer that is being read, and counts nothing as lost", async () => {
    const drain = await begin();
    const [guest] = await comeAll(1);
    guest?.connection.stall();
    drain.notifyAll();
    const closing = drain.closeRest();
    expect(await isDoneWithin(closing, 1000)).toBe(false);
    guest?.connection.resume();
    expect(await isDoneWithin(closing, 100)).toBe(true);
    expect(drain.receipt).toMatchObject({ forced: 1, unflushedBytes: 0 });
  });

  test("takes five seconds at the most, whoever does not read, and says what was lost", async () => {
    const drain = await begin();
    const [guest] = await comeAll(2);
    guest?.connection.stall();
    drain.notifyAll();
    // A socket whose other side is stuck is closed, but its end is not heard of for long.
    if (guest !== undefined) guest.connection.onClose = () => undefined;
    expect(await isDoneWithin(drain.closeRest(), 5100)).toBe(true);
    expect(drain.receipt.unflushedBytes).toBeGreaterThan(0);
  });

  test("closes many in batches, so that they do not come back at once", async () => {
    const drain = await begin();
    await comeAll(250);
    drain.notifyAll();
    const closing = drain.closeRest();
    const left = [online()];
    for (const ms of [1, 20, 20]) {
      await it.clock.moveInSteps(ms, 20);
      left.push(online());
    }
    await closing;
    expect(left).toEqual([250, 150, 50, 0]);
  });
});

describe("a hurry", () => {
  test("closes everything in this turn, what waits in the window is sent out first", async () => {
    const drain = await begin();
    const guests = await comeAll(3);
    drain.notifyAll();
    await it.publish("all", "the last word");
    drain.closeAtOnce();
    for (const { connection } of guests) expect(connection.of("message")).toHaveLength(1);
    await it.settle(1);
    expect([online(), drain.receipt]).toMatchObject([0, { initial: 3, left: 0, forced: 3 }]);
  });

  test("before anybody was told still leaves a receipt that adds up", async () => {
    const drain = await begin();
    await comeAll(3);
    drain.announce();
    drain.closeAtOnce();
    expect(drain.receipt).toMatchObject({ initial: 3, left: 0, moved: 0, forced: 3 });
  });

  test("in the middle of moving counts nobody twice", async () => {
    const drain = await begin({ drainMode: "move" });
    const [guest] = await comeAll(1);
    guest?.connection.stall();
    drain.notifyAll();
    await it.clock.moveInSteps(100, 20);
    drain.closeAtOnce();
    await it.clock.moveInSteps(6000, 100);
    expect(drain.receipt).toMatchObject({ initial: 1, left: 0, moved: 0, forced: 1 });
  });
});
