import { afterEach, describe, expect, test } from "bun:test";
import { RecordingLog } from "../../tests/delivery/recording-log.ts";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { nameOf, TestHub } from "../../tests/fakes/hub.ts";
import { MovedClock } from "../lib/moved-clock.ts";

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
