import { afterEach, describe, expect, test } from "bun:test";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { nameOf, type TestClient, TestHub } from "../../tests/fakes/hub.ts";
import { eventually } from "../../tests/waiting.ts";
import { Account } from "../limits/account.ts";

let it: TestHub;
afterEach(() => it.close());

const small = { fullBytes: 0, refuseBytes: 0 };

/** The number of these that survive a garbage collection. */
function alive(things: readonly WeakRef<object>[]): number {
  Bun.gc(true);
  return things.filter((thing) => thing.deref() !== undefined).length;
}

describe("a hub frees the memory of a client that left", () => {
  test.each<[string, (round: number) => Promise<WeakRef<object>>]>([
    [
      "after sending commands",
      async (round) => {
        const guest = await it.connect({ userId: `u${round}` });
        guest.conversation.receive('{"type":"subscribe","channel":"room"}');
        await it.settle();
        it.leave(guest);
        return new WeakRef(guest.session);
      },
    ],
    [
      "with a full socket",
      async () => {
        const guest = await it.connect({ channels: [nameOf("room")] }, new FakeConnection(undefined, small));
        guest.connection.stall();
        for (let count = 0; count < 3; count++) {
          await it.publish("room");
          await it.settle();
        }
        it.leave(guest);
        return new WeakRef(guest.session);
      },
    ],
    [
      "before the welcome",
      async () => {
        it.broker.answerMs = 20;
        const guest = await it.enter({ channels: [nameOf("room")] });
        it.leave(guest);
        return new WeakRef(guest.session);
      },
    ],
    [
      "in the middle of a join",
      async () => {
        const guest = await it.connect();
        it.broker.answerMs = 20;
        guest.conversation.receive('{"type":"subscribe","channel":"room","since":"earliest"}');
        it.leave(guest);
        return new WeakRef(guest.session);
      },
    ],
    [
      "while its history was in flight",
      async () => {
        const guest = await it.connect({ channels: [nameOf("room")], since: { from: "earliest" } });
        it.broker.answerMs = 20;
        await it.publish("room");
        it.leave(guest);
        return new WeakRef(guest.session);
      },
    ],
  ])("%s", async (_, visit) => {
    it = await TestHub.start({ settings: { notices: true, tailBytes: 0 } });
    const gone: WeakRef<object>[] = [];
    for (let round = 0; round < 60; round++) gone.push(await visit(round));
    it.broker.answerMs = 0;
    await it.clock.moveInSteps(30_000, 500);
    // Some may still be on the stack. If they were held, all of them would stay.
    await eventually(() => expect(alive(gone)).toBeLessThan(30));
    expect([it.hub.connections.size, it.hub.delivery.interest.size, it.hub.slowReaders]).toEqual([0, 0, 0]);
  });

  test("and releases all reservations", async () => {
    it = await TestHub.start({ settings: { maxConnections: 1, maxConnectionsPerIp: 1, maxConnectionsPerUser: 1 } });
    for (let round = 0; round < 10; round++) {
      const guest = await it.connect({ userId: "u1" });
      if (round % 2 === 0) it.leave(guest);
      else guest.session.close({ name: "disconnected" });
      await it.settle();
    }
    expect(it.hub.connections.size).toBe(0);
  });
});

describe("each event of a session's life is reported once", () => {
  test.each<[string, (guest: TestClient) => void]>([
    ["closed by the server, then gone", ({ session }) => session.close({ name: "disconnected" })],
    ["gone twice", (guest) => it.leave(guest)],
    ["dropped, then gone", ({ session }) => session.drop({ name: "too-slow" })],
    ["failed, then gone", ({ session }) => session.fail(new Error("a bug"))],
  ])("%s", async (_, end) => {
    const events: string[] = [];
    it = await TestHub.start({
      settings: { maxConnections: 2, notices: true },
      onWelcomed: ({ id }) => events.push(`in ${id}`),
      onLeft: ({ id }) => events.push(`out ${id}`),
    });
    const witness = await it.connect();
    const guest = await it.connect({ userId: "u1" });
    await it.clock.moveInSteps(2000, 1000);
    end(guest);
    it.hub.ended(guest.session);
    await it.settle();
    it.hub.ended(guest.session);
    await it.clock.moveInSteps(2000, 1000);
    expect(events).toEqual([`in ${witness.session.id}`, `in ${guest.session.id}`, `out ${guest.session.id}`]);
    expect(witness.connection.of("left")).toHaveLength(1);
    expect([it.hub.peers.roster.online, it.hub.connections.size]).toEqual([1, 1]);
    // One reservation is free, not two.
    await it.connect();
    await expect(it.connect()).rejects.toMatchObject({ code: "full" });
  });
});

describe("history requests", () => {
  test("of a client that does not read are answered one at a time, the rest once it reads", async () => {
    it = await TestHub.start({ rules: { historyBytes: 10_000_000 } });
    for (let count = 0; count < 60; count++) await it.publish("room", "x".repeat(50_000));
    const { conversation, connection } = await it.connect();
    connection.stall();
    for (let ref = 1; ref <= 20; ref++) {
      conversation.receive(JSON.stringify({ type: "history", channel: "room", since: "earliest", limit: 1000, ref }));
      await it.settle();
    }
    conversation.receive('{"type":"ping","ref":21}');
    await it.settle();
    expect([connection.of("history").length, connection.of("pong").length]).toEqual([1, 0]);
    expect(connection.buffered()).toBeLessThan(400_000);
    connection.resume();
    await it.settle(20);
    const refs = connection.accepted.flatMap(({ ref }) => (ref === undefined ? [] : [ref]));
    expect([connection.closedWith, refs]).toEqual([undefined, Array.from({ length: 21 }, (_, index) => index + 1)]);
  });

  test("are answered with fewer messages if the answer would be too large, but at least one", async () => {
    it = await TestHub.start({ settings: { maxMessageBytes: 2_000_000 }, rules: { historyBytes: 100_000_000 } });
    for (const length of [600_000, 600_000, 1_500_000, 10]) await it.publish("room", "x".repeat(length));
    const after = async (offset: number) => {
      const top = (await it.broker.tops([nameOf("room")])).get(nameOf("room"));
      const position = { epoch: top?.epoch ?? "", offset };
      const { publications } = await it.hub.history(
        { channel: nameOf("room"), since: { from: "position", position }, limit: 100 },
        Account.unlimited,
      );
      return publications.map((publication) => publication.offset);
    };
    expect([await after(0), await after(1), await after(2), await after(3)]).toEqual([[1], [2], [3], [4]]);
  });
});
