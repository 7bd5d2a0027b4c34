import { afterEach, describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { makeArrival, nameOf, TestHub } from "../../tests/fakes/hub.ts";
import { MemoryLog } from "../broker/memory/log.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { ResumeKeys } from "./resume-keys.ts";

let it: TestHub;
afterEach(() => it.close());

async function begin(options: Parameters<typeof TestHub.start>[0] = {}): Promise<TestHub> {
  it = await TestHub.start(options);
  return it;
}

const room = nameOf("room");

describe("a welcome", () => {
  test("is the first frame, and lists `all`, the user's own channel and the requested channels", async () => {
    await begin();
    const { connection, session } = await it.connect({ userId: "u1", channels: [room] });
    const [welcome, ...others] = connection.accepted;
    expect(welcome).toMatchObject({ type: "system", event: "welcome", connection_id: session.id, user_id: "u1" });
    expect([Object.keys(welcome?.channels ?? {}), others]).toEqual([["all", "@u1", "room"], []]);
    expect(welcome?.resume_key).toBe(it.resumeKeys.keyOf(session.id));
  });

  test("joins the channels that are allowed, and is followed by an error for each of the others", async () => {
    await begin();
    const { connection } = await it.connect({ userId: "u1", channels: [nameOf("@u2"), room, nameOf("@u3")] });
    const [welcome, ...errors] = connection.accepted;
    expect(Object.keys(welcome?.channels ?? {})).toEqual(["all", "@u1", "room"]);
    expect(errors.map(({ type, code, channel }) => [type, code, channel])).toEqual([
      ["error", "forbidden", "@u2"],
      ["error", "forbidden", "@u3"],
    ]);
  });

  test("joins the channels for which there is room, and is followed by an error for each of the others", async () => {
    const clock = new MovedClock();
    await begin({ clock, log: new MemoryLog({ clock, maxChannels: 10, clientShare: 0.2 }) });
    const names = ["a", "b", "c", "d"].map(nameOf);
    const { connection, session } = await it.connect({ userId: "u1", channels: names });
    const [welcome, ...errors] = connection.accepted;
    expect([Object.keys(welcome?.channels ?? {}), session.closed]).toEqual([["all", "@u1", "a", "b"], undefined]);
    expect(errors.map(({ type, code, channel }) => [type, code, channel])).toEqual([
      ["error", "too-many-channels", "c"],
      ["error", "too-many-channels", "d"],
    ]);
    await it.publish("a");
    await it.publish("c");
    await it.settle();
    expect(connection.of("message").map(({ channel }) => channel)).toEqual(["a"]);
    const other = await it.connect({ userId: "u2", channels: [nameOf("c")] });
    expect(Object.keys(other.connection.accepted[0]?.channels ?? {})).toEqual(["all", "@u2", "c"]);
  });

  test("of a user whose share is used up is still sent, also with a new channel of the user's own", async () => {
    const clock = new MovedClock();
    await begin({ clock, log: new MemoryLog({ clock, maxChannels: 4, clientShare: 0.25 }) });
    for (const name of ["k1", "k2"]) await it.publish(name);
    const { connection } = await it.connect({ userId: "u1", channels: [nameOf("a")] });
    const again = await it.connect({ userId: "u2", channels: [nameOf("b")] });
    expect(Object.keys(connection.accepted[0]?.channels ?? {})).toContain("@u1");
    expect(Object.keys(again.connection.accepted[0]?.channels ?? {})).toEqual(["all", "@u2"]);
  });

  test("contains the number of clients online only if notices are on", async () => {
    await begin({ settings: { notices: true } });
    const { connection } = await it.connect();
    expect(connection.accepted[0]).toMatchObject({
      message: "Welcome! You are now connected to the broadcast server. 1 client(s) online.",
      online: 1,
    });
    await it.close();
    await begin();
    expect((await it.connect()).connection.accepted[0]).not.toHaveProperty("online");
  });

  test("precedes the messages whose flush it forced", async () => {
    await begin();
    await it.connect({ channels: [room] });
    await it.publish("all", "waits for a flush");
    const { position } = await it.publish("room", "waits too");
    const since = new Map(position === undefined ? [] : [[room, position]]);
    const { connection } = await it.enter({ channels: [room], since });
    expect(connection.accepted.map(({ event, type }) => event ?? type)).toEqual(["welcome"]);
    expect(connection.accepted[0]?.channels?.room).toMatchObject({ from: 2, recovered: true });
  });

  test("is followed by what `since` asked for, in each channel of the cursor", async () => {
    await begin();
    for (const channel of ["all", "room", "other"]) for (const text of ["1", "2"]) await it.publish(channel, text);
    const top = (await it.broker.tops([room])).get(room);
    const since = new Map(top === undefined ? [] : [[room, { ...top, offset: 1 }]]);
    const { connection } = await it.connect({ channels: [room, nameOf("other")], since });
    expect(connection.of("message").map(({ channel, offset }) => [channel, offset])).toEqual([["room", 2]]);
  });

  test("with a word in `since` applies it to all channels", async () => {
    await begin();
    await it.publish("all", "1");
    await it.publish("room", "1");
    const { connection } = await it.connect({ channels: [room], since: { from: "earliest" } });
    expect(connection.of("message").map(({ channel }) => channel)).toEqual(["all", "room"]);
  });

  test("that fails closes the connection with a code that allows a reconnect", async () => {
    await begin();
    it.broker.fail = 3;
    const { connection } = await it.connect({ channels: [room] });
    expect([connection.accepted, connection.closedWith?.name]).toEqual([[], "unavailable"]);
    it.broker.fail = 0;
    await it.settle();
    expect(it.hub.connections.size).toBe(0);
    await it.clock.moveInSteps(30_000, 1000);
    expect(it.hub.delivery.interest.size).toBe(0);
  });

  test("delays the commands that the client sends in the meantime", async () => {
    await begin();
    it.broker.answerMs = 50;
    const { connection, conversation } = await it.enter({ channels: [room] });
    conversation.receive('{"type":"ping","ref":1}');
    expect(connection.accepted).toEqual([]);
    await it.clock.moveInSteps(200, 10);
    expect(connection.accepted.map(({ event, type }) => event ?? type)).toEqual(["welcome", "pong"]);
  });

  test("is not sent to a client that left in the meantime, of which nothing remains", async () => {
    await begin();
    it.broker.answerMs = 50;
    const guest = await it.enter({ channels: [room] });
    it.leave(guest);
    await it.clock.moveInSteps(30_000, 100);
    expect([guest.connection.accepted, it.hub.connections.size, it.hub.delivery.interest.size]).toEqual([[], 0, 0]);
  });
});

describe("a new connection", () => {
  test("is told the server's limits", async () => {
    await begin({ settings: { maxMessageBytes: 1000, messageRate: 7, maxChannels: 3 } });
    const { connection } = await it.connect({});
    const limits = { max_message_bytes: 1000, message_rate: 7, max_channels: 3 };
    expect(connection.of("system")[0]).toMatchObject({ event: "welcome", limits });
  });

  test("is told its channels, even if they are named like members of JavaScript objects", async () => {
    await begin();
    const channels = ["constructor", "__proto__", "toString", "hasOwnProperty"].map(nameOf);
    const { connection } = await it.connect({ channels });
    const joined = connection.of("system")[0]?.channels;
    expect(Object.keys(Object(joined)).sort()).toEqual([...channels, "all"].sort());
  });

  test("accepts the maximum number of channels, and refuses one more", async () => {
    await begin({ settings: { maxChannels: 2 } });
    const names = ["a", "b", "c"].map(nameOf);
    expect(() => it.hub.admit(makeArrival({ channels: names }))).toThrow("at most 2");
    const { conversation, connection } = await it.connect({ channels: names.slice(0, 2) });
    conversation.receive('{"type":"subscribe","channel":"c","ref":1}');
    expect(connection.of("error")[0]).toMatchObject({ ref: 1, code: "too-many-channels" });
  });

  test.each([
    ["with a user", "u1"],
    ["without a user", undefined],
  ])("%s, subscribes to the maximum number of channels, and no more", async (_, userId) => {
    await begin({ settings: { maxChannels: 2 } });
    const { conversation, connection } = await it.connect({ userId });
    for (const channel of ["a", "b", "c"]) {
      conversation.receive(JSON.stringify({ type: "subscribe", channel }));
      await it.settle();
    }
    expect([connection.of("subscribed").length, connection.of("error").length]).toEqual([2, 1]);
  });

  test("gets no additional plain channel by leaving `all`", async () => {
    await begin({ settings: { maxChannels: 1 } });
    const { conversation, connection } = await it.connect({ userId: "u1" });
    for (const channel of ["all", "@u1"]) conversation.receive(JSON.stringify({ type: "unsubscribe", channel }));
    for (const channel of ["a", "b"]) {
      conversation.receive(JSON.stringify({ type: "subscribe", channel }));
      await it.settle();
    }
    expect([connection.of("subscribed").length, connection.of("error").length]).toEqual([1, 1]);
  });

  test("is refused once the server accepts no more clients", async () => {
    await begin();
    it.hub.reception.closedBecause = new ServiceError("draining", "the server is shutting down");
    expect(() => it.hub.admit(makeArrival())).toThrow("shutting down");
    expect(it.hub.reception.counts).toEqual({ admitted: 0, refused: 1 });
  });

  test("releases its reservation if the handshake fails", async () => {
    await begin({ settings: { maxConnections: 1 } });
    const admitted = await it.hub.admit(makeArrival());
    expect(() => it.hub.admit(makeArrival())).toThrow("limit of 1 connections");
    it.hub.cancel(admitted);
    expect((await it.connect()).session.isWelcomed).toBe(true);
  });

  test("releases its reservation if its user is already connected", async () => {
    await begin({ settings: { maxConnections: 2, userConnections: "reject" } });
    await it.connect({ userId: "u1" });
    for (let round = 0; round < 5; round++) {
      await expect(it.connect({ userId: "u1" })).rejects.toMatchObject({ code: "conflict" });
    }
    expect((await it.connect({ userId: "u2" })).session.isWelcomed).toBe(true);
    expect(it.hub.reception.counts).toEqual({ admitted: 2, refused: 5 });
  });

  test("releases its reservation once, however often its end is reported", async () => {
    await begin({ settings: { maxConnections: 1 } });
    const guest = await it.connect();
    it.leave(guest);
    it.hub.ended(guest.session);
    await it.connect();
    expect(() => it.hub.admit(makeArrival())).toThrow("limit of 1 connections");
  });

  test("with `replace` closes the older connections of its user, and no others", async () => {
    await begin({ settings: { userConnections: "replace" } });
    const [old, other, nobody] = [
      await it.connect({ userId: "u1" }),
      await it.connect({ userId: "u2" }),
      await it.connect(),
    ];
    const { session } = await it.connect({ userId: "u1" });
    expect([old, other, nobody].map(({ connection }) => connection.closedWith?.name)).toEqual([
      "replaced",
      undefined,
      undefined,
    ]);
    expect([...it.hub.connections.ofUser("u1")]).toEqual([session]);
  });

  test("with `replace` closes an older one of its user that is admitted but not open yet", async () => {
    await begin({ settings: { userConnections: "replace" } });
    const [old, next] = [
      await it.hub.admit(makeArrival({ userId: "u1" })),
      await it.hub.admit(makeArrival({ userId: "u1" })),
    ];
    const connections = [old, next].map((admitted) => {
      const connection = new FakeConnection();
      const session = it.hub.open(admitted, connection);
      connection.onClose = () => queueMicrotask(() => it.hub.ended(session));
      return connection;
    });
    await it.settle();
    expect(connections.map(({ closedWith }) => closedWith?.name)).toEqual(["replaced", undefined]);
  });
});

describe("a connection that continues an earlier one", () => {
  test("takes over, and then the earlier one is closed", async () => {
    await begin({ settings: { notices: true, userConnections: "reject" } });
    const watcher = await it.connect();
    const old = await it.connect({ userId: "u1" });
    await it.clock.moveInSteps(5000, 1000);
    const before = watcher.connection.accepted.length;
    const next = await it.connect({ userId: "u1", takesOver: it.resumeKeys.keyOf(old.session.id) });
    expect([old.connection.closedWith?.name, next.connection.closedWith]).toEqual(["normal", undefined]);
    await it.clock.moveInSteps(5000, 1000);
    expect(watcher.connection.accepted.slice(before)).toEqual([]);
    expect([...it.hub.connections.ofUser("u1")]).toEqual([next.session]);
  });

  test("leaves the earlier one alone until it has caught up", async () => {
    await begin();
    const old = await it.connect({ userId: "u1", channels: [room] });
    for (let count = 0; count < 5; count++) await it.publish("room", `${count}`);
    await it.settle();
    const top = (await it.broker.tops([room])).get(room);
    const since = new Map(top === undefined ? [] : [[room, { ...top, offset: 0 }]]);
    const handshake = { userId: "u1", channels: [room], since, takesOver: it.resumeKeys.keyOf(old.session.id) };
    const { connection } = await it.enter(handshake);
    expect([connection.of("message"), old.connection.closedWith]).toEqual([[], undefined]);
    await it.settle();
    expect([connection.of("message").length, old.connection.closedWith?.name]).toEqual([5, "normal"]);
  });

  test("with another connection's key is a new connection", async () => {
    await begin({ settings: { userConnections: "reject" } });
    const old = await it.connect({ userId: "u1" });
    await it.connect({ userId: "u2", takesOver: it.resumeKeys.keyOf(old.session.id) });
    expect(old.connection.closedWith).toBeUndefined();
    await expect(it.connect({ userId: "u1", takesOver: "made up" })).rejects.toThrow("already connected");
  });

  test("is refused the takeover if another one was first: only one continues a connection", async () => {
    await begin({ settings: { userConnections: "reject" } });
    const old = await it.connect({ userId: "u1" });
    const takesOver = it.resumeKeys.keyOf(old.session.id);
    it.broker.answerMs = 50;
    await it.enter({ userId: "u1", takesOver, channels: [room] });
    await expect(it.connect({ userId: "u1", takesOver })).rejects.toThrow("already connected");
  });

  test("and fails leaves the earlier one free to be continued again", async () => {
    await begin({ settings: { userConnections: "reject" } });
    const old = await it.connect({ userId: "u1" });
    const takesOver = it.resumeKeys.keyOf(old.session.id);
    it.broker.answerMs = 50;
    it.leave(await it.enter({ userId: "u1", takesOver, channels: [room] }));
    it.broker.answerMs = 0;
    await expect(it.connect({ userId: "u1" })).rejects.toThrow("already connected");
    await it.connect({ userId: "u1", takesOver });
    expect(old.connection.closedWith?.name).toBe("normal");
  });

  test("does not keep the earlier one in memory once it is gone", async () => {
    await begin();
    const gone: WeakRef<object>[] = [];
    for (let user = 0; user < 100; user++) {
      const userId = `u${user}`;
      const { connection, session } = await it.connect({ userId });
      gone.push(new WeakRef(session));
      await it.connect({ userId, takesOver: connection.accepted[0]?.resume_key });
    }
    await it.settle();
    Bun.gc(true);
    // A few may still be on the stack. If they were held, all of them would be here.
    expect(gone.filter((session) => session.deref() !== undefined).length).toBeLessThan(50);
    expect(it.hub.connections.size).toBe(100);
  });
});

describe("two workers of one server", () => {
  let other: TestHub;
  afterEach(() => other.close());

  async function beginTwo(userConnections: "reject" | "replace") {
    const clock = new MovedClock();
    const switchboard = new Switchboard(clock);
    const resumeKeys = new ResumeKeys();
    const make = (name: string) => {
      const state = { name, pid: 1, isDraining: false };
      return {
        settings: { userConnections, notices: true },
        clock,
        resumeKeys,
        cluster: new MemoryCluster(switchboard, state, clock),
      };
    };
    const first = make("a");
    await begin(first);
    other = await TestHub.start(make("b"));
    await it.settle();
    return first.cluster;
  }

  test("with `reject` refuse the second connection on any worker until the first has left", async () => {
    await beginTwo("reject");
    const first = await it.connect({ userId: "u1" });
    await expect(other.connect({ userId: "u1" })).rejects.toThrow("already connected");
    await other.connect({ userId: "u2" });
    it.leave(first);
    await other.connect({ userId: "u1" });
  });

  test("with `replace` close the first connection on any worker", async () => {
    await beginTwo("replace");
    const first = await it.connect({ userId: "u1" });
    const second = await other.connect({ userId: "u1" });
    await it.settle();
    expect([first, second].map(({ connection }) => connection.closedWith?.name)).toEqual(["replaced", undefined]);
  });

  test("send join and leave notices on both, with the count of the whole server", async () => {
    await beginTwo("reject");
    const watcher = await it.connect();
    await it.clock.moveInSteps(3000, 500);
    const guest = await other.connect();
    expect(guest.connection.accepted[0]).toMatchObject({ event: "welcome", online: 2 });
    await it.clock.moveInSteps(3000, 500);
    other.leave(guest);
    await it.clock.moveInSteps(3000, 500);
    const received = watcher.connection.of("system").map(({ event, online }) => `${event} ${online}`);
    expect(received).toEqual(["welcome 1", "joined 2", "left 1"]);
  });

  test("send no notices for plain clients that a draining worker closed, if they reconnect to the other one", async () => {
    const cluster = await beginTwo("reject");
    const watcher = await other.connect();
    const old = await it.connect();
    await it.clock.moveInSteps(3000, 500);
    const before = watcher.connection.accepted.length;
    cluster.announce({ isDraining: true });
    old.session.close({ name: "restarting" });
    it.hub.ended(old.session);
    await other.connect();
    await it.clock.moveInSteps(5000, 500);
    expect(watcher.connection.accepted.slice(before)).toEqual([]);
    // One that does not return has left, and one more than before has joined.
    const gone = await it.connect();
    gone.session.close({ name: "restarting" });
    it.hub.ended(gone.session);
    await it.clock.moveInSteps(5000, 500);
    const events = watcher.connection.accepted.slice(before).map(({ event, online }) => `${event} ${online}`);
    expect(events).toEqual(["joined 3", "left 2"]);
  });

  test("send no notices for a client that is back before the draining worker has reported that it left", async () => {
    const cluster = await beginTwo("reject");
    const watcher = await other.connect();
    const old = await it.connect();
    await it.clock.moveInSteps(3000, 500);
    const before = watcher.connection.accepted.length;
    cluster.announce({ isDraining: true });
    await other.connect();
    await it.clock.moveInSteps(2500, 500);
    it.leave(old); // by itself: it was told of the drain
    await it.clock.moveInSteps(10_000, 500);
    expect(watcher.connection.accepted.slice(before)).toEqual([]);
  });

  test("send no notices for a plain client that connects after the draining worker has exited", async () => {
    const cluster = await beginTwo("reject");
    const watcher = await other.connect();
    const old = await it.connect();
    await it.clock.moveInSteps(3000, 500);
    const before = watcher.connection.accepted.length;
    cluster.announce({ isDraining: true });
    old.session.close({ name: "restarting" });
    it.hub.ended(old.session);
    await it.hub.peers.close();
    await it.clock.moveInSteps(1000, 500);
    await other.connect();
    await it.clock.moveInSteps(10_000, 500);
    expect(watcher.connection.accepted.slice(before)).toEqual([]);
  });

  test("continue a connection on the other worker without any notice", async () => {
    await beginTwo("reject");
    const watcher = await it.connect();
    const old = await it.connect({ userId: "u1" });
    await it.clock.moveInSteps(3000, 500);
    const before = watcher.connection.accepted.length;
    const next = await other.connect({ userId: "u1", takesOver: it.resumeKeys.keyOf(old.session.id) });
    await it.clock.moveInSteps(3000, 500);
    expect([old.connection.closedWith?.name, next.connection.closedWith]).toEqual(["normal", undefined]);
    expect(watcher.connection.accepted.slice(before)).toEqual([]);
    await expect(it.connect({ userId: "u1" })).rejects.toThrow("already connected");
  });

  test("release the user if a takeover from the other worker fails", async () => {
    await beginTwo("reject");
    const old = await it.connect({ userId: "u1" });
    const takesOver = it.resumeKeys.keyOf(old.session.id);
    other.broker.answerMs = 50;
    const next = await other.enter({ userId: "u1", takesOver, channels: [room] });
    await expect(it.connect({ userId: "u1", takesOver })).rejects.toThrow("already connected");
    other.leave(next);
    await it.settle();
    expect(old.connection.closedWith).toBeUndefined();
    await expect(other.connect({ userId: "u1" })).rejects.toThrow("already connected");
    await it.connect({ userId: "u1", takesOver });
    expect(old.connection.closedWith?.name).toBe("normal");
  });

  test("release the user if a takeover from the other worker ends with that worker's crash", async () => {
    await beginTwo("reject");
    const watcher = await it.connect();
    const old = await it.connect({ userId: "u1" });
    const takesOver = it.resumeKeys.keyOf(old.session.id);
    other.broker.answerMs = 50;
    await other.connect({ userId: "u9" });
    await other.clock.moveInSteps(3000, 500);
    await other.enter({ userId: "u1", takesOver, channels: [nameOf("elsewhere")] });
    await other.hub.peers.close(); // From here its process looks dead.
    await it.clock.moveInSteps(3000, 500);
    expect(watcher.connection.of("system").at(-1)).toMatchObject({ event: "left", online: 2 });
    await expect(it.connect({ userId: "u1" })).rejects.toThrow("already connected");
    await it.connect({ userId: "u1", takesOver });
    expect(old.connection.closedWith?.name).toBe("normal");
  });

  test("do not accept another connection's key for a connection of the other worker", async () => {
    await beginTwo("reject");
    const old = await it.connect({ userId: "u1" });
    await other.connect({ userId: "u2", takesOver: it.resumeKeys.keyOf(old.session.id) });
    await it.settle();
    expect(old.connection.closedWith).toBeUndefined();
  });
});
