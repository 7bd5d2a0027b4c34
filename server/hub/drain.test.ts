import { afterEach, describe, expect, test } from "bun:test";
import { TestHub } from "../../tests/fakes/hub.ts";
import { Drain, type DrainSettings } from "./drain.ts";

let it: TestHub;
afterEach(() => it.close());

/** A hub that drains with random numbers chosen by the test: 0, 0.1, 0.2 … */
async function begin(settings: Partial<DrainSettings> = {}) {
  let thrown = 0;
  it = await TestHub.start({ onWelcomed: (session) => drain.notifyNew(session) });
  const drain = new Drain(
    { drainWindowMs: 10_000, drainMode: "wait", shutdownTimeoutMs: 1_800_000, ...settings },
    {
      connections: it.hub.connections,
      flush: () => it.hub.delivery.flushNow(),
      release: (session) => it.hub.presence.release(session),
      clock: it.clock,
      random: () => (thrown++ % 10) / 10,
    },
  );
  return drain;
}

const comeAll = (count: number) => Promise.all(Array.from({ length: count }, () => it.connect()));
const online = () => it.hub.connections.size;

/** Whether a promise is fulfilled within this time. */
async function isDoneWithin(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let isDone = false;
  void promise.then(() => {
    isDone = true;
  });
  await it.clock.moveInSteps(ms, 20);
  return isDone;
}

describe("draining", () => {
  test("sends each client its own slot in the window, and the time that the server waits", async () => {
    const drain = await begin();
    const guests = await comeAll(3);
    await it.clock.moveInSteps(1000, 100);
    drain.notifyAll();
    const notices = guests.map(({ connection }) => connection.of("draining")[0]);
    const slots = notices.map((notice) => Number(notice?.reconnect_after_ms)).toSorted((a, b) => a - b);
    expect(slots.map((slot) => Math.floor(slot / (10_000 / 3)))).toEqual([0, 1, 2]);
    expect(notices[0]).toMatchObject({ deadline_ms: 1_800_000, event: "draining" });
  });

  test("uses the slots that were planned for the node, and draws one for each connection that the plan does not know", async () => {
    const drain = await begin();
    const guests = await comeAll(3);
    drain.notifyAll([1234, 5678]);
    const slots = guests.map(({ connection }) => Number(connection.of("draining")[0]?.reconnect_after_ms));
    expect(slots.filter((slot) => slot === 1234 || slot === 5678)).toHaveLength(2);
    expect(slots.every((slot) => slot >= 0 && slot < 10_000)).toBe(true);
  });

  test("sends each client one notice", async () => {
    const drain = await begin();
    const [guest] = await comeAll(1);
    drain.notifyAll();
    drain.notifyAll();
    expect(guest?.connection.of("draining")).toHaveLength(1);
  });

  test("starts its time at the announcement, and sends the notice to later clients after the welcome", async () => {
    const drain = await begin();
    expect([drain.isAnnounced, drain.leftMs]).toEqual([false, 1_800_000]);
    drain.announce();
    await it.clock.moveInSteps(60_000, 1000);
    drain.announce();
    expect([drain.isAnnounced, drain.leftMs, drain.closingMs]).toEqual([true, 1_740_000, 1_740_000]);
    const { connection } = await it.connect();
    expect(connection.accepted.map(({ event }) => event)).toEqual(["welcome", "draining"]);
    expect(connection.of("draining")[0]?.deadline_ms).toBeLessThan(1_740_000);
  });

  test("in mode `wait` closes no connection by itself", async () => {
    const drain = await begin();
    await comeAll(5);
    drain.notifyAll();
    await it.clock.moveInSteps(60_000, 1000);
    expect(online()).toBe(5);
  });

  test("in mode `move` closes each connection at its slot", async () => {
    const drain = await begin({ drainMode: "move" });
    const guests = await comeAll(4);
    drain.notifyAll();
    expect([drain.leftMs, drain.closingMs]).toEqual([1_800_000, 10_000]);
    const notices = guests.map(({ connection }) => connection.of("draining")[0]);
    for (const notice of notices) expect(Number(notice?.deadline_ms) - Number(notice?.reconnect_after_ms)).toBe(1000);
    const left: number[] = [];
    await it.clock.moveInSteps(1000, 50);
    for (let step = 0; step < 4; step++) {
      await it.clock.moveInSteps(9000 / 4, 50);
      left.push(online());
    }
    expect(left).toEqual([3, 2, 1, 0]);
    expect(guests.map(({ connection }) => connection.closedWith?.name)).toEqual(Array(4).fill("restarting"));
    expect(drain.receipt).toMatchObject({ initial: 4, moved: 4, left: 0, forced: 0, maxCloseRate: 1 });
  });

  test("in mode `move` closes no connection before its client had time to move", async () => {
    const drain = await begin({ drainMode: "move", drainWindowMs: 2000 });
    const [guest] = await comeAll(1);
    drain.notifyAll();
    const [notice] = guest?.connection.of("draining") ?? [];
    const [slotMs, deadlineMs] = [Number(notice?.reconnect_after_ms), Number(notice?.deadline_ms)];
    expect(deadlineMs - slotMs).toBe(500); // a quarter of a short window
    await it.clock.moveInSteps(deadlineMs - 50, 50);
    expect(online()).toBe(1);
    await it.clock.moveInSteps(100, 50);
    expect(online()).toBe(0);
  });

  test("in mode `move` waits until the buffer is empty", async () => {
    const drain = await begin({ drainMode: "move" });
    const [guest] = await comeAll(1);
    guest?.connection.stall();
    drain.notifyAll();
    const [notice] = guest?.connection.of("draining") ?? [];
    await it.clock.moveInSteps(Number(notice?.deadline_ms ?? 0) + 1000, 100);
    expect(guest?.connection.closedWith).toBeUndefined();
    guest?.connection.resume();
    await it.clock.moveInSteps(100, 20);
    expect(guest?.connection.closedWith?.name).toBe("restarting");
  });

  test("counts the clients that left on their own", async () => {
    const drain = await begin({ drainMode: "move" });
    const [a] = await comeAll(2);
    drain.notifyAll();
    if (a !== undefined) it.leave(a);
    await it.clock.moveInSteps(11_000, 100);
    expect(drain.receipt).toMatchObject({ initial: 2, left: 1, moved: 1, forced: 0 });
  });
});

describe("the end of the drain timeout", () => {
  test("flushes and closes all remaining connections", async () => {
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

  test("comes at once when no connection is left", async () => {
    const drain = await begin();
    drain.notifyAll();
    let isDone = false;
    void drain.closeRest().then(() => {
      isDone = true;
    });
    await it.settle(1);
    expect([isDone, drain.receipt.initial]).toEqual([true, 0]);
  });

  test("waits for a buffer that is being read, and reports no loss", async () => {
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

  test("takes five seconds at most, even if clients do not read, and reports what was lost", async () => {
    const drain = await begin();
    const [guest] = await comeAll(2);
    guest?.connection.stall();
    drain.notifyAll();
    // The server closes a socket whose peer is stuck, but the close event is late.
    if (guest !== undefined) guest.connection.onClose = () => undefined;
    expect(await isDoneWithin(drain.closeRest(), 5100)).toBe(true);
    expect(drain.receipt.unflushedBytes).toBeGreaterThan(0);
  });

  test("closes many connections in batches, so that they do not reconnect at once", async () => {
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

describe("an immediate stop", () => {
  test("flushes and closes everything in the same turn", async () => {
    const drain = await begin();
    const guests = await comeAll(3);
    drain.notifyAll();
    await it.publish("all", "the last word");
    drain.closeAtOnce();
    for (const { connection } of guests) expect(connection.of("message")).toHaveLength(1);
    await it.settle(1);
    expect([online(), drain.receipt]).toMatchObject([0, { initial: 3, left: 0, forced: 3 }]);
  });

  test("before the announcement still produces a report that adds up", async () => {
    const drain = await begin();
    await comeAll(3);
    drain.announce();
    drain.closeAtOnce();
    expect(drain.receipt).toMatchObject({ initial: 3, left: 0, moved: 0, forced: 3 });
  });

  test("while clients move counts each of them once", async () => {
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
