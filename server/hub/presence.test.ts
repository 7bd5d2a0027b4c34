import { afterEach, describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { nameOf, type TestClient, TestHub, type TestHubOptions } from "../../tests/fakes/hub.ts";
import type { ReceivedFrame } from "../../tests/fakes/reading.ts";
import { graceMs } from "../presence/tracker.ts";

const room = nameOf("room");
const hasPresenceEvents = (channel: ChannelName) => channel.startsWith("room");

const hubs: TestHub[] = [];
afterEach(async () => {
  for (const it of hubs.splice(0)) await it.close();
});

async function begin(options: TestHubOptions = {}): Promise<TestHub> {
  const it = await TestHub.start({ hasPresenceEvents, ...options });
  hubs.push(it);
  return it;
}

/** The presence events that a client has received, such as `joined alice: 2`. */
function eventsOf(client: TestClient): string[] {
  const events = client.connection.accepted.filter(({ type, event }) => type === "presence" && event !== undefined);
  return events.map(({ event, user_id = "-", count }) =>
    event === "reset" ? "reset" : `${event} ${user_id}: ${count}`,
  );
}

async function ask(it: TestHub, client: TestClient, channel = room): Promise<ReceivedFrame | undefined> {
  client.conversation.receive(JSON.stringify({ type: "presence", channel, ref: "p" }));
  await it.settle();
  return client.connection.accepted.findLast(({ ref }) => ref === "p");
}

function send(it: TestHub, client: TestClient, frame: object): Promise<void> {
  client.conversation.receive(JSON.stringify(frame));
  return it.settle();
}

describe("in a channel with presence events", () => {
  test("everyone in it is told who joins and who leaves, with consecutive positions", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice", channels: [room] });
    const bob = await it.connect({ userId: "bob" });
    await send(it, bob, { type: "subscribe", channel: room });
    await send(it, bob, { type: "unsubscribe", channel: room });
    expect(eventsOf(alice)).toEqual(["joined alice: 1", "joined bob: 2", "left bob: 1"]);
    expect(eventsOf(bob)).toEqual(["joined bob: 2"]);
    const positions = alice.connection.accepted.flatMap(({ position }) => position ?? []);
    expect(positions).toEqual([1, 2, 3]);
  });

  test("an answer says which events are part of it", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice", channels: [room] });
    await it.connect({ userId: "bob", channels: [room] });
    const answer = await ask(it, alice);
    expect(answer).toMatchObject({ count: 2, position: 2, users: ["alice", "bob"] });
    expect(answer?.epoch).toBe(alice.connection.accepted.find(({ event }) => event === "joined")?.epoch);
    expect(answer?.members?.map(({ user_id }) => user_id)).toEqual(["alice", "bob"]);
  });

  test("the answer includes the client that asks, right after it joined", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice" });
    alice.conversation.receive(JSON.stringify({ type: "subscribe", channel: room }));
    expect(await ask(it, alice)).toMatchObject({ count: 1, users: ["alice"] });
  });

  test("a client that is gone has left three seconds later", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice", channels: [room] });
    const bob = await it.connect({ userId: "bob", channels: [room] });
    it.leave(bob);
    await it.clock.moveInSteps(graceMs - 10, 100);
    expect(eventsOf(alice)).toEqual(["joined alice: 1", "joined bob: 2"]);
    expect(await ask(it, alice)).toMatchObject({ count: 2 });
    await it.clock.moveInSteps(20, 10);
    expect(eventsOf(alice).slice(2)).toEqual(["left bob: 1"]);
    expect(await ask(it, alice)).toMatchObject({ count: 1, position: 3 });
  });

  test("a client that reconnects within three seconds did not leave, with or without its resume key", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice", channels: [room] });
    let bob = await it.connect({ userId: "bob", channels: [room] });
    for (const isKnown of [true, false]) {
      const takesOver = isKnown ? String(bob.connection.accepted[0]?.resume_key) : undefined;
      it.leave(bob);
      await it.clock.moveInSteps(graceMs / 2, 100);
      bob = await it.connect({ userId: "bob", channels: [room], takesOver });
      await it.clock.moveInSteps(graceMs * 2, 100);
    }
    expect(eventsOf(alice)).toEqual(["joined alice: 1", "joined bob: 2"]);
    it.leave(bob);
    await it.clock.moveInSteps(graceMs + 10, 100);
    expect(eventsOf(alice).slice(2)).toEqual(["left bob: 1"]);
  });

  test("a client that moves to a newer connection has neither left nor joined, also in channels it names later", async () => {
    const it = await begin();
    const rooms = [room, nameOf("room:2")];
    const alice = await it.connect({ userId: "alice", channels: rooms });
    const bob = await it.connect({ userId: "bob", channels: rooms });
    const before = await ask(it, alice);
    const takesOver = String(bob.connection.accepted[0]?.resume_key);
    const again = await it.connect({ userId: "bob", channels: [room], takesOver });
    await send(it, again, { type: "subscribe", channel: rooms[1] });
    await it.clock.moveInSteps(graceMs * 2, 100);
    expect(bob.connection.closedWith?.name).toBe("normal");
    expect(eventsOf(alice).toSorted()).toEqual([
      "joined alice: 1",
      "joined alice: 1",
      "joined bob: 2",
      "joined bob: 2",
    ]);
    expect((await ask(it, alice))?.members).toEqual(before?.members);
  });

  test("a takeover that fails leaves the presence with the older connection", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice", channels: [room] });
    const bob = await it.connect({ userId: "bob", channels: [room] });
    for (let n = 0; n < 20; n++) await it.publish("room", "x".repeat(60_000));
    const takesOver = String(bob.connection.accepted[0]?.resume_key);
    const slow = await it.enter({ userId: "bob", channels: [room], takesOver, since: { from: "earliest" } });
    slow.connection.stall();
    await it.settle();
    it.leave(slow);
    await it.clock.moveInSteps(graceMs * 2, 100);
    expect(eventsOf(alice)).toEqual(["joined alice: 1", "joined bob: 2"]);
    expect(await ask(it, alice)).toMatchObject({ count: 2 });
    it.leave(bob);
    await it.clock.moveInSteps(graceMs * 2, 100);
    expect(eventsOf(alice).slice(2)).toEqual(["left bob: 1"]);
  });

  test("a connection that was never welcomed never joined", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice", channels: [room] });
    it.broker.answerMs = 1000;
    const early = await it.enter({ userId: "early", channels: [room, nameOf("elsewhere")] });
    await it.settle();
    it.leave(early);
    it.broker.answerMs = 0;
    await it.clock.moveInSteps(graceMs * 2, 100);
    expect(eventsOf(alice)).toEqual(["joined alice: 1"]);
  });

  test("a reader whose socket is full is told afterwards that it missed events", async () => {
    const it = await begin();
    const slow = await it.connect({ userId: "slow", channels: [room] });
    slow.connection.stall();
    for (let n = 0; n < 5; n++) await it.publish("room", "x".repeat(60_000));
    await it.settle();
    expect(slow.session.isBlocked).toBe(true);
    for (let n = 0; n < 3; n++) await it.connect({ userId: `u${n}`, channels: [room] });
    expect(eventsOf(slow)).toEqual(["joined slow: 1"]);
    slow.connection.resume();
    await it.settle();
    expect(eventsOf(slow)).toEqual(["joined slow: 1", "reset"]);
    expect(await ask(it, slow)).toMatchObject({ count: 4, position: 4 });
  });

  test("a client that joins a full channel receives its messages, is not listed, and is counted", async () => {
    const it = await begin({ settings: { presenceSize: 2 } });
    const alice = await it.connect({ userId: "alice", channels: [room] });
    const bob = await it.connect({ userId: "bob", channels: [room] });
    expect(await ask(it, alice)).not.toHaveProperty("unlisted");
    const carol = await it.connect({ userId: "carol", channels: [room] });
    await it.publish("room", "Hello");
    await it.settle();
    expect(carol.connection.accepted.at(-1)).toMatchObject({ type: "message", message: "Hello" });
    expect(await ask(it, carol)).toMatchObject({ count: 2, unlisted: 1, users: ["alice", "bob"] });
    expect([await it.hub.presence.count(room), it.hub.presence.unlisted]).toEqual([3, 1]);
    expect(eventsOf(alice)).toEqual(["joined alice: 1", "joined bob: 2"]);

    await send(it, bob, { type: "unsubscribe", channel: room });
    await it.clock.moveInSteps(1100, 100);
    expect(eventsOf(alice).slice(2)).toEqual(["left bob: 1", "joined carol: 2"]);
    expect(await ask(it, carol)).not.toHaveProperty("unlisted");
    expect(it.hub.presence.unlisted).toBe(0);
  });

  test("a client that joins more channels than fit into the memory receives their messages, and is counted", async () => {
    const it = await begin({ settings: { presenceBytes: 4096 } });
    const rooms = [room, nameOf("room:2")];
    const alice = await it.connect({ userId: "alice", channels: rooms });
    await it.publish("room:2", "Hello");
    await it.settle();
    expect(alice.connection.accepted.at(-1)).toMatchObject({ type: "message", channel: "room:2", message: "Hello" });
    expect(await ask(it, alice)).toMatchObject({ count: 1, users: ["alice"] });
    expect(await ask(it, alice)).not.toHaveProperty("unlisted");
    expect(await ask(it, alice, rooms[1])).toMatchObject({ count: 0, unlisted: 1, users: [] });
    expect([await it.hub.presence.count(nameOf("room:2")), it.hub.presence.unlisted]).toEqual([1, 1]);
  });

  test("events that arrive together are one write", async () => {
    const it = await begin();
    const alice = await it.connect({ userId: "alice", channels: [room] });
    let writes = 0;
    alice.connection.onAccepted = ({ frames }) => {
      writes += frames.some(({ event }) => event === "joined") ? 1 : 0;
    };
    const others = await Promise.all(
      Array.from({ length: 40 }, (_, n) => it.enter({ userId: `u${n}`, channels: [room] })),
    );
    await it.settle();
    expect(others).toHaveLength(40);
    expect(eventsOf(alice)).toHaveLength(41);
    expect(writes).toBeLessThan(5);
  });
});

test("a channel without presence events is answered without a position, and tells nobody of joins", async () => {
  const it = await begin();
  const lobby = nameOf("lobby");
  const alice = await it.connect({ userId: "alice", channels: [lobby] });
  await it.connect({ userId: "bob", channels: [lobby] });
  const answer = await ask(it, alice, lobby);
  expect(answer).toMatchObject({ count: 2, users: ["alice", "bob"] });
  expect(answer).not.toHaveProperty("position");
  expect(eventsOf(alice)).toEqual([]);
});
