import { afterEach, describe, expect, test } from "bun:test";
import { RecordingLog } from "../../tests/delivery/recording-log.ts";
import { nameOf, type TestClient, TestHub } from "../../tests/fakes/hub.ts";
import type { ReceivedFrame } from "../../tests/fakes/reading.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { commitJoin, planJoin } from "./join.ts";

let it: TestHub;
afterEach(() => it.close());

/** A hub where `room` has this many publications, and a session that waits for commands. */
async function begin(stored: number, options: Parameters<typeof TestHub.start>[0] = {}) {
  it = await TestHub.start(options);
  const guest = await it.connect({ userId: "u1" });
  for (let count = 1; count <= stored; count++) await it.publish("room", `${count}`);
  return guest;
}

async function send({ conversation }: TestClient, frame: object): Promise<void> {
  conversation.receive(JSON.stringify(frame));
  await it.settle();
}

/** The frames received for one channel, including gaps and answers. */
function courseOf({ connection }: TestClient, channel = "room") {
  return connection.accepted
    .filter((frame) => frame.channel === channel)
    .map(({ type, event, offset, from, to }: ReceivedFrame) => {
      if (type === "message") return offset;
      return type === "subscribed" ? `from ${from}` : `${event ?? type} ${from ?? ""}-${to ?? ""}`;
    });
}

async function epochOf(channel: string): Promise<string> {
  return (await it.broker.tops([nameOf(channel)])).get(nameOf(channel))?.epoch ?? "";
}

describe("a join", () => {
  test("without `since` is live: it starts after the latest message", async () => {
    const guest = await begin(3);
    await send(guest, { type: "subscribe", channel: "room" });
    await it.publish("room", "4");
    await it.settle();
    expect(guest.connection.of("subscribed")[0]).toMatchObject({ offset: 3, from: 4 });
    expect(guest.connection.of("subscribed")[0]).not.toHaveProperty("recovered");
    expect(courseOf(guest)).toEqual(["from 4", 4]);
  });

  test("at a position continues after it, and reports nothing missing", async () => {
    const guest = await begin(3);
    await send(guest, { type: "subscribe", channel: "room", since: { epoch: await epochOf("room"), offset: 1 } });
    expect(guest.connection.of("subscribed")[0]).toMatchObject({ offset: 3, from: 2, recovered: true });
    expect(courseOf(guest)).toEqual(["from 2", 2, 3]);
  });

  test("to a channel whose log was cleared, which nobody has noticed yet, tells the new epoch", async () => {
    const clock = new MovedClock();
    const log = new RecordingLog({ historySize: 1000, historyTtl: 300_000 }, clock);
    const guest = await begin(3, { clock, log });
    await send(guest, { type: "subscribe", channel: "room" });
    log.forget();
    const late = await it.connect({ userId: "u2" });
    await send(late, { type: "subscribe", channel: "room", since: "earliest" });
    await it.settle(10);
    expect(late.connection.of("subscribed")[0]).toMatchObject({ epoch: await epochOf("room"), offset: 0, from: 1 });
  });

  test("never starts beyond the last publication that was sent here, even if the plan does", async () => {
    const { session } = await begin(3);
    const { delivery } = it.hub;
    const { channel } = await planJoin(delivery, nameOf("room"), undefined);
    const start = { epoch: channel.epoch, after: 99, recovered: true };
    expect(commitJoin(delivery, { channel, start }, session)).toMatchObject({ offset: 3, from: 4 });
    expect(session.memberships.get(nameOf("room"))?.cursor).toBe(3);
  });

  test("at the latest position with an empty history is recovered", async () => {
    const guest = await begin(3, { rules: { historySize: 0 } });
    await send(guest, { type: "subscribe", channel: "room", since: { epoch: await epochOf("room"), offset: 3 } });
    expect(guest.connection.of("subscribed")[0]).toMatchObject({ offset: 3, from: 4, recovered: true });
  });

  test.each([
    ["too old", 1, {}, { from: 4, recovered: false, reason: "history-too-short" }, [4, 5]],
    ["of another epoch", 5, { epoch: "foreign" }, { from: 4, recovered: false, reason: "epoch-changed" }, [4, 5]],
    ["beyond the latest", 6, {}, { from: 4, recovered: false, reason: "epoch-changed" }, [4, 5]],
    ["at the oldest kept message", 3, {}, { from: 4, recovered: true }, [4, 5]],
    ["one before it", 2, {}, { from: 4, recovered: false, reason: "history-too-short" }, [4, 5]],
  ])("at a position %s, with two of five kept", async (_, offset, more, answer, offsets) => {
    const guest = await begin(5, { rules: { historySize: 2 }, settings: { tailBytes: 0 } });
    const since = { epoch: await epochOf("room"), offset, ...more };
    await send(guest, { type: "subscribe", channel: "room", since });
    expect(guest.connection.of("subscribed")[0]).toMatchObject({ offset: 5, ...answer });
    expect(courseOf(guest).slice(1)).toEqual(offsets);
  });

  test("at a position followed only by expired messages receives none of them, although they are still in memory", async () => {
    const guest = await begin(0, { rules: { historyTtl: 1000 } });
    await send(guest, { type: "subscribe", channel: "room" });
    for (const text of ["1", "2"]) await it.publish("room", text);
    await it.settle();
    it.clock.set(-3_600_000); // No age depends on the wall clock.
    it.clock.move(1001);
    await it.publish("room", "3");
    await it.settle();
    const since = { epoch: await epochOf("room"), offset: 1 };
    const other = await it.connect({ userId: "u2" });
    await send(other, { type: "subscribe", channel: "room", since });
    expect(other.connection.of("subscribed")[0]).toMatchObject({
      recovered: false,
      reason: "history-too-short",
      from: 3,
    });
    expect(courseOf(other)).toEqual(["from 3", 3]);
    const third = await it.connect({ userId: "u3" });
    await send(third, { type: "subscribe", channel: "room", since: { ...since, offset: 2 } });
    expect(third.connection.of("subscribed")[0]).toMatchObject({ recovered: true, from: 3 });
  });

  test.each([
    ["earliest", [1, 2, 3]],
    ["last:2", [2, 3]],
    ["last:10", [1, 2, 3]],
    ["1h", [1, 2, 3]],
  ])("with the word %s starts there, without `recovered` in the answer", async (since, offsets) => {
    const guest = await begin(3);
    await send(guest, { type: "subscribe", channel: "room", since });
    expect(guest.connection.of("subscribed")[0]).not.toHaveProperty("recovered");
    expect(courseOf(guest)).toEqual([`from ${offsets[0]}`, ...offsets]);
  });

  test.each(["earliest", "last:2", "1h"])(
    "with the word %s starts after the latest message if nothing is kept",
    async (since) => {
      const guest = await begin(3, { rules: { historySize: 0 }, settings: { tailBytes: 0 } });
      await send(guest, { type: "subscribe", channel: "room", since });
      await it.publish("room", "4");
      await it.settle();
      expect(guest.connection.of("subscribed")[0]).toMatchObject({ offset: 3, from: 4 });
      expect(courseOf(guest)).toEqual(["from 4", 4]);
    },
  );

  test("at a position that is stored but not flushed forces a flush, and repeats nothing", async () => {
    const guest = await begin(0);
    const other = await it.connect();
    await send(guest, { type: "subscribe", channel: "room" });
    const { position } = await it.publish("room", "1");
    other.conversation.receive(JSON.stringify({ type: "subscribe", channel: "room", since: position }));
    expect(courseOf(guest)).toEqual(["from 1", 1]);
    await it.publish("room", "2");
    await it.settle();
    expect([courseOf(guest), courseOf(other)]).toEqual([
      ["from 1", 1, 2],
      ["from 2", 2],
    ]);
  });

  test("of a channel that the session is already in returns its current position and ignores `since`", async () => {
    const guest = await begin(3);
    await send(guest, { type: "subscribe", channel: "room" });
    await send(guest, { type: "subscribe", channel: "room", since: "earliest" });
    expect(courseOf(guest)).toEqual(["from 4", "from 4"]);
  });

  test("waits until this worker has what the broker reports", async () => {
    const guest = await begin(0);
    const other = await it.connect();
    await send(guest, { type: "subscribe", channel: "room" });
    it.broker.lose = 2;
    await it.publish("room", "1");
    const { position } = await it.publish("room", "2");
    await send(other, { type: "subscribe", channel: "room", since: position });
    expect(other.connection.of("subscribed")[0]).toMatchObject({ offset: 2, from: 3, recovered: true });
    expect(courseOf(guest)).toEqual(["from 1", 1, 2]);
  });

  test("sends the broker no more requests than needed: none if everything is here, one for history", async () => {
    const guest = await begin(3);
    const other = await it.connect();
    await send(guest, { type: "subscribe", channel: "room" });
    const [asked, compared] = [it.broker.asked.length, it.broker.comparisons];
    await send(other, { type: "subscribe", channel: "room", since: "last:2" });
    expect(courseOf(other)).toEqual(["from 2", 2, 3]);
    expect(it.broker.comparisons - compared).toBe(0);
    const third = await it.connect();
    const since = { epoch: await epochOf("room"), offset: 3 };
    const before = [it.broker.asked.length, it.broker.comparisons];
    await send(third, { type: "subscribe", channel: "room", since });
    expect(courseOf(third)).toEqual(["from 4"]);
    expect([it.broker.asked.length, it.broker.comparisons]).toEqual(before);
    expect(asked).toBeLessThan(it.broker.asked.length);
  });

  test("at the latest flushed position requests no history, although nothing is kept in memory", async () => {
    const guest = await begin(0, { settings: { tailBytes: 0 } });
    await send(guest, { type: "subscribe", channel: "room" });
    for (const text of ["1", "2"]) await it.publish("room", text);
    await it.settle();
    const since = { epoch: await epochOf("room"), offset: 2 };
    const before = it.broker.asked.length;
    const other = await it.connect();
    await send(other, { type: "subscribe", channel: "room", since });
    expect(other.connection.of("subscribed")[0]).toMatchObject({ offset: 2, from: 3, recovered: true });
    expect(it.broker.asked.length).toBe(before);
  });

  test("compares first if the broker reports less than is here: the channel may have a new epoch", async () => {
    const guest = await begin(0);
    await send(guest, { type: "subscribe", channel: "room" });
    for (const text of ["1", "2", "3"]) await it.publish("room", text);
    await it.settle();
    const history = it.broker.history.bind(it.broker);
    it.broker.history = async (...asked) => {
      const answer = await history(...asked);
      return { ...answer, top: { ...answer.top, offset: 2 } };
    };
    const before = it.broker.comparisons;
    const other = await it.connect();
    await send(other, { type: "subscribe", channel: "room", since: "earliest" });
    expect(it.broker.comparisons).toBe(before + 1);
    expect(courseOf(other)).toEqual(["from 1", 1, 2, 3]);
  });

  test("that fails returns an error, holds nothing and can be repeated", async () => {
    const guest = await begin(1);
    it.broker.fail = 1;
    await send(guest, { type: "subscribe", channel: "room", ref: 1 });
    expect(guest.connection.of("error")[0]).toMatchObject({ code: "broker-unavailable", ref: 1 });
    it.broker.fail = 0;
    await send(guest, { type: "subscribe", channel: "room" });
    expect(courseOf(guest)).toEqual(["from 2"]);
  });

  test("whose client leaves in the meantime holds nothing", async () => {
    const guest = await begin(1);
    it.broker.answerMs = 100;
    await send(guest, { type: "subscribe", channel: "room" });
    it.leave(guest);
    await it.clock.moveInSteps(30_000, 100);
    expect(it.hub.delivery.interest.size).toBe(0);
  });

  test("that fails in the second step undoes the first", async () => {
    const guest = await begin(1);
    it.broker.hold();
    await send(guest, { type: "subscribe", channel: "room" });
    await send(guest, { type: "unsubscribe", channel: "room" });
    it.broker.fail = 1;
    await send(guest, { type: "subscribe", channel: "room", since: "earliest", ref: 2 });
    expect(guest.connection.of("error")[0]).toMatchObject({ ref: 2 });
    it.leave(guest);
    it.broker.fail = 0;
    await it.clock.moveInSteps(30_000, 100);
    expect(it.hub.delivery.interest.size).toBe(0);
  });

  test("that was planned in another epoch receives everything of the current one", async () => {
    const clock = new MovedClock();
    const log = new RecordingLog({ historySize: 1000, historyTtl: 300_000 }, clock);
    const guest = await begin(0, { clock, log });
    await send(guest, { type: "subscribe", channel: "room" });
    const { position } = await it.publish("room", "1");
    await it.settle();
    const { session } = await it.connect();
    const since = position === undefined ? undefined : ({ from: "position", position } as const);
    const plan = await planJoin(it.hub.delivery, nameOf("room"), since);
    log.forget();
    await it.publish("room", "1 of the new epoch");
    await it.settle();
    expect(commitJoin(it.hub.delivery, plan, session)).toEqual({
      epoch: await epochOf("room"),
      offset: 1,
      from: 1,
      recovered: false,
      reason: "epoch-changed",
    });
  });
});
