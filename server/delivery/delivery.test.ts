import { afterEach, describe, expect, test } from "bun:test";
import { RecordingLog } from "../../tests/delivery/recording-log.ts";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { nameOf, type TestClient, TestHub } from "../../tests/fakes/hub.ts";
import { plainForm, sseForm } from "../../tests/fakes/wire-forms.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { Session } from "../session/session.ts";
import type { WireForm } from "../session/wire-form.ts";
import { commitJoin, planJoin } from "./join.ts";

let it: TestHub;
afterEach(() => it.close());

const room = nameOf("room");
const large = "x".repeat(60_000);

/** A hub whose history can be cleared, and a session in `room` that reads. */
async function begin(options: Parameters<typeof TestHub.start>[0] = {}) {
  const clock = new MovedClock();
  const log = new RecordingLog({ historySize: 1000, historyTtl: 300_000 }, clock);
  it = await TestHub.start({ clock, log, ...options });
  return { log, ...(await it.connect({ channels: [room] })) };
}

function courseOf({ accepted }: FakeConnection) {
  return accepted.flatMap(({ type, event, channel, offset, from, to, reason }) => {
    if (channel !== "room") return [];
    return event === "gap" ? [`gap ${from}-${to} ${reason}`] : [`${type} ${offset}`];
  });
}

describe("delivery", () => {
  test("flushes before the unflushed messages could overflow the tail, whatever the flush window is", async () => {
    const { connection } = await begin();
    for (let count = 0; count < 5; count++) await it.publish("room", large);
    expect(courseOf(connection).length).toBeGreaterThanOrEqual(4);
  });

  test("a session that stops reading delays nobody, and receives everything once it reads again", async () => {
    const { connection } = await begin();
    const stalled = await it.connect({ channels: [room] });
    stalled.connection.stall();
    for (let count = 0; count < 12; count++) {
      await it.publish("room", large);
      await it.settle();
    }
    expect([courseOf(connection).length, it.hub.slowReaders]).toEqual([12, 1]);
    expect(stalled.connection.buffered()).toBeLessThan(300_000);
    stalled.connection.resume();
    await it.settle(20);
    expect(courseOf(stalled.connection)).toEqual(courseOf(connection));
    await it.clock.moveInSteps(1000, 1000);
    expect(it.hub.slowReaders).toBe(0);
  });

  test("writes to a socket again once its buffer is nearly empty, not at the first free byte", async () => {
    await begin();
    const { connection, session } = await it.connect({ channels: [room] });
    connection.stall();
    for (let count = 0; count < 3; count++) {
      await it.publish("room", large);
      await it.settle();
    }
    expect(session.isBlocked).toBe(true);
    connection.progress();
    expect(session.isBlocked).toBe(true);
    connection.progress();
    expect([session.isBlocked, connection.buffered()]).toEqual([false, 0]);
  });

  test("a session whose socket fills up repeatedly resumes where it left off each time", async () => {
    const { connection } = await begin();
    const slow = await it.connect({ channels: [room, nameOf("other")] });
    slow.connection.stall();
    for (let count = 0; count < 12; count++) {
      await it.publish("room", large);
      await it.publish("other");
      await it.settle();
    }
    for (let count = 0; count < 6; count++) {
      slow.connection.progress();
      await it.settle();
      expect(it.hub.delivery.blocked).toBeWithin(0, 2);
    }
    await it.publish("room", large);
    slow.connection.resume();
    await it.settle(20);
    expect(courseOf(slow.connection)).toEqual(courseOf(connection));
    expect(courseOf(slow.connection)).toHaveLength(13);
    expect(slow.connection.of("message")).toHaveLength(25);
  });

  test("counts a session with a full socket until it reads again or leaves", async () => {
    await begin();
    const slow = [await it.connect({ channels: [room] }), await it.connect({ channels: [room] })] as const;
    for (const { connection } of slow) connection.stall();
    for (let count = 0; count < 3; count++) {
      await it.publish("room", large);
      await it.settle();
    }
    expect(it.hub.delivery.blocked).toBe(2);
    it.leave(slow[0]);
    expect(it.hub.delivery.blocked).toBe(1);
    slow[1].connection.resume();
    await it.settle(20);
    expect(it.hub.delivery.blocked).toBe(0);
    it.leave(slow[1]);
    expect(it.hub.delivery.blocked).toBe(0);
  });

  test("looks for lost messages as soon as the broker reports a broken connection", async () => {
    const { connection } = await begin();
    it.broker.lose = 1;
    await it.publish("room");
    await it.settle();
    expect(courseOf(connection)).toEqual([]);
    it.broker.breakNow();
    await it.settle();
    expect(courseOf(connection)).toEqual(["message 1"]);
  });

  test("sends no requests to the broker after the end", async () => {
    await begin();
    await it.hub.close();
    const before = it.broker.comparisons;
    await it.clock.moveInSteps(20_000, 1000);
    expect(it.broker.comparisons).toBe(before);
  });

  test("sends a gap to a session whose position is older than the history", async () => {
    const { connection } = await begin({ rules: { historySize: 2 }, settings: { tailBytes: 0 } });
    const stalled = await it.connect(
      { channels: [room] },
      new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 0 }),
    );
    stalled.connection.stall();
    for (let count = 0; count < 6; count++) {
      await it.publish("room");
      await it.settle();
    }
    stalled.connection.resume();
    await it.settle(10);
    expect(courseOf(connection)).toHaveLength(6);
    expect(courseOf(stalled.connection)).toEqual(["message 1", "gap 2-4 history-too-short", "message 5", "message 6"]);
  });

  test("closes a session that makes no progress at all with 4008", async () => {
    await begin();
    const { connection } = await it.connect({ channels: [room] });
    connection.stall();
    for (let count = 0; count < 3; count++) {
      await it.publish("room", large);
      await it.settle();
    }
    await it.clock.moveInSteps(62_000, 1000);
    expect([connection.closedWith?.name, it.hub.connections.size]).toEqual(["too-slow", 1]);
  });

  test("repairs what the broker lost, in order, and each session receives everything", async () => {
    const { connection } = await begin();
    it.broker.lose = 3;
    for (let count = 0; count < 5; count++) await it.publish("room");
    await it.settle();
    expect(courseOf(connection)).toEqual(["message 1", "message 2", "message 3", "message 4", "message 5"]);
  });

  test("announces messages that the broker lost and the history no longer has once per session", async () => {
    const { connection } = await begin({ rules: { historySize: 1 } });
    const other = await it.connect({ channels: [room] });
    await it.publish("room");
    it.broker.lose = 3;
    for (let count = 0; count < 4; count++) await it.publish("room");
    await it.settle();
    for (const it of [connection, other.connection]) {
      expect(courseOf(it)).toEqual(["message 1", "gap 2-4 history-too-short", "message 5"]);
    }
  });

  test("tells all sessions about a new epoch, lagging ones too, and continues in it", async () => {
    const { connection, log } = await begin();
    const stalled = await it.connect(
      { channels: [room] },
      new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 1000 }),
    );
    stalled.connection.stall();
    await it.publish("room");
    await it.settle();
    log.forget();
    await it.publish("room", "the first of a new epoch");
    await it.settle();
    stalled.connection.resume();
    await it.settle();
    const course = ["message 1", "gap 1-0 epoch-changed", "message 1"];
    expect([courseOf(connection), courseOf(stalled.connection)]).toEqual([course, course]);
    const [gap] = connection.of("gap");
    expect(gap?.epoch).toBe((await it.broker.tops([room])).get(room)?.epoch ?? "");
  });

  test("detects that a log was cleared, even if nothing is published", async () => {
    const { connection, log } = await begin();
    await it.publish("room");
    await it.settle();
    log.forget();
    await it.clock.moveInSteps(6000, 500);
    expect(courseOf(connection)).toEqual(["message 1", "gap 1-0 epoch-changed"]);
  });
});

describe("an exception in one connection", () => {
  const fault = new Error("a bug of a transport");

  /** Three sessions in `room` and `other`; from now on the second one throws. */
  async function beginThree(form?: WireForm) {
    it = await TestHub.start();
    const enter = () => it.connect({ channels: [room, nameOf("other")] }, new FakeConnection(form));
    const [first, faulty, last] = [await enter(), await enter(), await enter()];
    return { first, faulty, last };
  }

  const closes = (...guests: readonly TestClient[]) => guests.map(({ connection }) => connection.closedWith?.name);

  test.each([
    ["one channel", ["room"]],
    ["several channels", ["room", "other"]],
  ])("in a flush of %s closes it with 1011, and the next flush reaches the others", async (_, names) => {
    const { first, faulty, last } = await beginThree();
    faulty.connection.fault = fault;
    for (const name of names) await it.publish(name);
    await it.settle();
    expect(closes(first, faulty, last)).toEqual([undefined, "internal", undefined]);
    for (const name of names) await it.publish(name);
    await it.settle();
    for (const { connection } of [first, last]) expect(connection.of("message")).toHaveLength(2 * names.length);
    expect(it.hub.connections.size).toBe(2);
  });

  test("in a flush that excludes a session does the same", async () => {
    const { first, faulty, last } = await beginThree();
    faulty.connection.fault = fault;
    await it.publish("room", "m", { excludeConnectionId: first.session.id });
    await it.settle();
    expect(closes(first, faulty, last)).toEqual([undefined, "internal", undefined]);
    expect([first.connection.of("advance").length, last.connection.of("message").length]).toEqual([1, 1]);
  });

  test("ends a stream without a cursor for what it did not receive", async () => {
    const { faulty } = await beginThree(sseForm);
    faulty.connection.fault = fault;
    await it.publish("room");
    await it.settle();
    expect([closes(faulty), faulty.connection.goodbyeCursor]).toEqual([["internal"], ""]);
  });

  test.each([
    ["the tail", 1_000_000],
    ["history", 0],
  ])("on the way from %s closes it, and the other session catches up", async (_, tailBytes) => {
    it = await TestHub.start({ settings: { tailBytes } });
    for (let count = 0; count < 5; count++) await it.publish("room");
    await it.connect({ channels: [room] });
    for (let count = 0; count < 5; count++) await it.publish("room");
    await it.settle();
    const enter = () => it.enter({ channels: [room], since: { from: "earliest" } });
    const [faulty, other] = [await enter(), await enter()];
    faulty.connection.onAccepted = ({ frames }) => {
      if (frames[0]?.event === "welcome") faulty.connection.fault = fault;
    };
    await it.settle(20);
    expect([closes(faulty, other), other.connection.of("message").length]).toEqual([["internal", undefined], 10]);
  });

  test("in its welcome closes it, and releases its reservation and its channels", async () => {
    it = await TestHub.start({ settings: { maxConnections: 1 } });
    for (let round = 0; round < 3; round++) {
      const connection = new FakeConnection();
      connection.fault = fault;
      const guest = await it.connect({ channels: [room] }, connection);
      expect([closes(guest), it.hub.connections.size]).toEqual([["internal"], 0]);
    }
    await it.clock.moveInSteps(20_000, 1000);
    expect(it.hub.delivery.interest.size).toBe(0);
  });
});

describe("an exception in a wire form", () => {
  test("closes the sessions that use it with 1011, and the channel continues for all others", async () => {
    it = await TestHub.start();
    const broken: WireForm = {
      ...plainForm,
      encode: () => {
        throw new Error("a bug of a wire form");
      },
    };
    const [usual, bad] = [
      await it.connect({ channels: [room] }),
      await it.connect({ channels: [room] }, new FakeConnection(broken)),
    ];
    for (let count = 0; count < 2; count++) {
      await it.publish("room");
      await it.settle();
    }
    expect([bad.connection.closedWith?.name, courseOf(usual.connection)]).toEqual([
      "internal",
      ["message 1", "message 2"],
    ]);
  });
});

describe("FLUSH_WINDOW", () => {
  test.each([
    [0, 10, 10],
    [5, 2, 4],
    [50, 0, 1],
  ])(
    "of %i ms: ten messages a millisecond apart, with slow flushes, cause %i to %i flushes in these ten",
    async (flushWindowMs, least, most) => {
      it = await TestHub.start({ settings: { flushWindowMs } });
      const { connection } = await it.connect({ channels: [room] });
      // Each write takes two milliseconds of a clock that only the flush reads.
      const monotonic = it.clock.monotonic.bind(it.clock);
      let spentMs = 0;
      it.clock.monotonic = () => monotonic() + spentMs;
      connection.onAccepted = () => {
        spentMs += 2;
      };
      for (let count = 0; count < 40; count++) {
        await it.publish("room");
        await it.settle(40);
      }
      const before = it.hub.delivery.counts.flushes;
      for (let count = 0; count < 10; count++) {
        await it.publish("room");
        it.clock.move(1);
      }
      expect(it.hub.delivery.counts.flushes - before).toBeWithin(least, most + 1);
    },
  );
});

describe("the count of full sockets", () => {
  test("counts a session once, however often its socket is reported full or drained", async () => {
    const { session } = await begin();
    const { delivery } = it.hub;
    delivery.drained(session);
    expect(delivery.blocked).toBe(0);
    delivery.block(session);
    delivery.block(session);
    expect(delivery.blocked).toBe(1);
    delivery.drained(session);
    delivery.drained(session);
    expect(delivery.blocked).toBe(0);
  });

  test("forgets a session that has ended, even if its socket drains afterwards", async () => {
    const guest = await begin();
    const { delivery } = it.hub;
    delivery.block(guest.session);
    it.leave(guest);
    delivery.drained(guest.session);
    expect(delivery.blocked).toBe(0);
  });

  test("keeps a session waiting until its buffer is nearly empty, and no longer", async () => {
    const { session, connection } = await begin();
    const { delivery } = it.hub;
    for (const [bytes, blocked] of [
      [16 * 1024 + 1, 1],
      [16 * 1024, 0],
    ] as const) {
      connection.buffered = () => bytes;
      delivery.block(session);
      delivery.drained(session);
      expect(delivery.blocked).toBe(blocked);
    }
  });
});

describe("a session whose socket is full", () => {
  test("lags in a channel that it joins meanwhile, and catches up when the socket drains", async () => {
    const { session, connection } = await begin();
    const { delivery } = it.hub;
    const late = nameOf("late");
    const plan = await planJoin(delivery, late, undefined);
    delivery.block(session);
    commitJoin(delivery, plan, session);
    await it.publish("late");
    await it.settle();
    const received = () => connection.of("message").filter(({ channel }) => channel === "late").length;
    expect([session.memberships.get(late)?.isLevel, received()]).toEqual([false, 0]);
    delivery.drained(session);
    await it.settle();
    expect([session.memberships.get(late)?.isLevel, received()]).toEqual([true, 1]);
  });

  test("gets the refused messages once it reads again", async () => {
    await begin();
    const { connection } = await it.connect(
      { channels: [room] },
      new FakeConnection(undefined, { fullBytes: Number.POSITIVE_INFINITY, refuseBytes: 100 }),
    );
    connection.stall();
    for (let count = 0; count < 3; count++) {
      await it.publish("room", "x".repeat(200));
      await it.settle();
    }
    expect(courseOf(connection)).toEqual(["message 1"]);
    connection.resume();
    it.hub.delivery.drained([...it.hub.connections.all()].find((one) => one.connection === connection) as Session);
    await it.settle(10);
    expect(courseOf(connection)).toEqual(["message 1", "message 2", "message 3"]);
  });
});

describe("a new epoch", () => {
  test("is announced after the messages before it, which were not flushed yet", async () => {
    const { connection, log } = await begin({ settings: { flushWindowMs: 1000 } });
    await it.publish("room");
    log.forget();
    await it.publish("room");
    await it.settle();
    expect(courseOf(connection)).toEqual(["message 1", "gap 1-0 epoch-changed", "message 1"]);
  });

  test("is announced to every level session, although the notice fills the socket of one of them", async () => {
    const { connection, log } = await begin();
    const others = [];
    for (let count = 0; count < 3; count++) {
      const full = new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 10_000 });
      others.push(await it.connect({ channels: [room] }, full));
    }
    for (const other of others) other.connection.stall();
    log.forget();
    await it.publish("room");
    await it.settle();
    for (const other of others) {
      other.connection.resume();
      await it.settle();
    }
    const course = ["gap 1-0 epoch-changed", "message 1"];
    for (const one of [connection, ...others.map((it) => it.connection)]) expect(courseOf(one)).toEqual(course);
  });
});

test("a session that waits for its budget of history does not wait for the messages of a new epoch", async () => {
  const { log } = await begin({ settings: { historyRate: 1000 } });
  for (let count = 0; count < 3; count++) await it.publish("room", large);
  await it.settle();
  const { connection } = await it.connect({ channels: [room], since: { from: "earliest" } });
  await it.clock.moveInSteps(1000, 50);
  expect(courseOf(connection)).toEqual(["message 1"]);
  log.forget();
  await it.publish("room");
  await it.clock.moveInSteps(100, 50);
  expect(courseOf(connection)).toEqual(["message 1", "gap 1-0 epoch-changed", "message 1"]);
});

test("messages that the broker lost for good are announced once to a session that lags, in their place", async () => {
  await begin({ rules: { historySize: 1 }, settings: { tailBytes: 0 } });
  const lagging = await it.connect(
    { channels: [room] },
    new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 1000 }),
  );
  lagging.connection.stall();
  for (let count = 0; count < 2; count++) {
    await it.publish("room");
    await it.settle();
  }
  it.broker.lose = 2;
  for (let count = 0; count < 3; count++) await it.publish("room");
  await it.settle(10);
  lagging.connection.resume();
  await it.settle(20);
  expect(courseOf(lagging.connection)).toEqual(["message 1", "gap 2-4 history-too-short", "message 5"]);
});

test("the recent messages of all channels together stay below the limit", async () => {
  await begin({ settings: { tailBytes: 1_000_000, tailBytesTotal: 5000 } });
  await it.connect({ channels: [nameOf("other")] });
  for (const name of ["room", "other", "room", "other"]) {
    await it.publish(name, "x".repeat(300));
    await it.settle();
  }
  const kept = [...it.hub.delivery.interest.channels()].map(({ tail }) => tail.keptBytes);
  const total = kept.reduce((sum, bytes) => sum + bytes, 0);
  expect(total).toBeWithin(1, 5001);
});

test("a stream gets messages that did not fit into one write soon afterwards, without another message", async () => {
  await begin();
  const { connection } = await it.connect({ channels: [room, nameOf("other")] }, new FakeConnection(sseForm));
  for (let count = 0; count < 3; count++) for (const name of ["room", "other"]) await it.publish(name, large);
  await it.settle(10);
  expect(connection.of("message")).toHaveLength(6);
});
