import { afterEach, describe, expect, test } from "bun:test";
import { RecordingLog } from "../../tests/delivery/recording-log.ts";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { nameOf, type TestClient, TestHub } from "../../tests/fakes/hub.ts";
import { plainForm, sseForm } from "../../tests/fakes/wire-forms.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { WireForm } from "../session/wire-form.ts";

let it: TestHub;
afterEach(() => it.close());

const room = nameOf("room");
const large = "x".repeat(60_000);

/** A hub whose log can forget everything, and somebody in `room` who reads. */
async function begin(options: Parameters<typeof TestHub.start>[0] = {}) {
  const clock = new MovedClock();
  const log = new RecordingLog({ historySize: 1000, historyTtl: 300_000 }, clock);
  it = await TestHub.start({ clock, log, ...options });
  return { log, ...(await it.connect({ channels: [room] })) };
}

function courseOf({ taken }: FakeConnection) {
  return taken.flatMap(({ type, event, channel, offset, from, to, reason }) => {
    if (channel !== "room") return [];
    return event === "gap" ? [`gap ${from}-${to} ${reason}`] : [`${type} ${offset}`];
  });
}

describe("delivery", () => {
  test("does not let so much wait that the tail could overflow, whatever the window says", async () => {
    const { connection } = await begin();
    for (let count = 0; count < 5; count++) await it.publish("room", large);
    expect(courseOf(connection).length).toBeGreaterThanOrEqual(4);
  });

  test("keeps one who stops reading out of everybody's way, and brings them all of it later", async () => {
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

  test("writes to a socket again once little waits in it, not at the first byte of room", async () => {
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

  test("has a reader whose socket fills up again and again go on where it was each time", async () => {
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

  test("counts a reader whose socket is full until it reads again or is gone", async () => {
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

  test("finds out at once what was lost where the broker says that its connection broke", async () => {
    const { connection } = await begin();
    it.broker.lose = 1;
    await it.publish("room");
    await it.settle();
    expect(courseOf(connection)).toEqual([]);
    it.broker.breakNow();
    await it.settle();
    expect(courseOf(connection)).toEqual(["message 1"]);
  });

  test("asks nothing of the broker after the end", async () => {
    await begin();
    await it.hub.close();
    const before = it.broker.comparisons;
    await it.clock.moveInSteps(20_000, 1000);
    expect(it.broker.comparisons).toBe(before);
  });

  test("gives a gap to one whose place history no longer reaches back to", async () => {
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

  test("closes with 4008 who makes no progress at all", async () => {
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

  test("repairs what the broker lost, in order, and nobody sees more of it than the delay", async () => {
    const { connection } = await begin();
    it.broker.lose = 3;
    for (let count = 0; count < 5; count++) await it.publish("room");
    await it.settle();
    expect(courseOf(connection)).toEqual(["message 1", "message 2", "message 3", "message 4", "message 5"]);
  });

  test("announces what the broker lost and history has no more, to each once", async () => {
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

  test("tells everybody of a new life of the numbering, those who lag too, and goes on in it", async () => {
    const { connection, log } = await begin();
    const stalled = await it.connect(
      { channels: [room] },
      new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 1000 }),
    );
    stalled.connection.stall();
    await it.publish("room");
    await it.settle();
    log.forget();
    await it.publish("room", "the first of another life");
    await it.settle();
    stalled.connection.resume();
    await it.settle();
    const course = ["message 1", "gap 1-0 epoch-changed", "message 1"];
    expect([courseOf(connection), courseOf(stalled.connection)]).toEqual([course, course]);
    const [gap] = connection.of("gap");
    expect(gap?.epoch).toBe((await it.broker.tops([room])).get(room)?.epoch ?? "");
  });

  test("finds out by itself that a log has forgotten, also where nothing is published", async () => {
    const { connection, log } = await begin();
    await it.publish("room");
    await it.settle();
    log.forget();
    await it.clock.moveInSteps(6000, 500);
    expect(courseOf(connection)).toEqual(["message 1", "gap 1-0 epoch-changed"]);
  });
});

describe("a fault in one connection", () => {
  const fault = new Error("a bug of a transport");

  /** Three in `room` and `other`, the one in the middle with a fault from now on. */
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
  ])("in a flush of %s ends it with 1011 and nobody else, and the next flush reaches the others", async (_, names) => {
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

  test("in a flush that leaves somebody out does so too", async () => {
    const { first, faulty, last } = await beginThree();
    faulty.connection.fault = fault;
    await it.publish("room", "m", { excludeConnectionId: first.session.id });
    await it.settle();
    expect(closes(first, faulty, last)).toEqual([undefined, "internal", undefined]);
    expect([first.connection.of("advance").length, last.connection.of("message").length]).toEqual([1, 1]);
  });

  test("ends a stream without a cursor for what it was not given", async () => {
    const { faulty } = await beginThree(sseForm);
    faulty.connection.fault = fault;
    await it.publish("room");
    await it.settle();
    expect([closes(faulty), faulty.connection.goodbyeCursor]).toEqual([["internal"], ""]);
  });

  test.each([
    ["the tail", 1_000_000],
    ["history", 0],
  ])("on the way from %s ends it, and the other one is brought up", async (_, tailBytes) => {
    it = await TestHub.start({ settings: { tailBytes } });
    for (let count = 0; count < 5; count++) await it.publish("room");
    await it.connect({ channels: [room] });
    for (let count = 0; count < 5; count++) await it.publish("room");
    await it.settle();
    const enter = () => it.enter({ channels: [room], since: { from: "earliest" } });
    const [faulty, other] = [await enter(), await enter()];
    faulty.connection.onTaken = ({ said }) => {
      if (said[0]?.event === "welcome") faulty.connection.fault = fault;
    };
    await it.settle(20);
    expect([closes(faulty, other), other.connection.of("message").length]).toEqual([["internal", undefined], 10]);
  });

  test("in its welcome ends it, and gives back its seat and its channels", async () => {
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

describe("a fault in a wire form", () => {
  test("ends those who read it with 1011, and the channel goes on for all others", async () => {
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
    "of %i ms: of ten messages a millisecond apart, with dear flushes, there are %i to %i flushes in these ten",
    async (flushWindowMs, least, most) => {
      it = await TestHub.start({ settings: { flushWindowMs } });
      const { connection } = await it.connect({ channels: [room] });
      // Each write takes two milliseconds of a clock that only the flush looks at.
      const monotonic = it.clock.monotonic.bind(it.clock);
      let spentMs = 0;
      it.clock.monotonic = () => monotonic() + spentMs;
      connection.onTaken = () => {
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
