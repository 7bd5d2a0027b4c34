import { expect, test } from "bun:test";
import { SocketUnderTest } from "../../tests/e2e/socket.ts";
import {
  BroadcastServer,
  type BroadcastServerOptions,
  type ConnectedClient,
  type ReceivedMessage,
} from "./broadcast-server.ts";

async function running(options: BroadcastServerOptions = {}) {
  const server = new BroadcastServer({ port: 0, ...options });
  const { url } = await server.start();
  return { server, url, [Symbol.asyncDispose]: () => server.stop() };
}

test("a broadcast reaches everyone, or everyone except one connection", async () => {
  await using it = await running();
  using alice = await SocketUnderTest.open(it.url);
  using bob = await SocketUnderTest.open(it.url);
  await it.server.broadcastToAll("to all");
  await it.server.broadcastToOthers({ data: { to: "others" } }, String(alice.welcome.connection_id));
  expect((await bob.untilMessages(2)).map(({ message, data }) => message ?? data)).toEqual([
    "to all",
    { to: "others" },
  ]);
  await alice.until((frame) => frame.type === "advance");
  expect(alice.messages.map(({ message }) => message)).toEqual(["to all"]);
});

test("the handlers are called for connections, messages and disconnects", async () => {
  await using it = await running();
  const heard: (ConnectedClient | ReceivedMessage)[] = [];
  const left = Promise.withResolvers<ConnectedClient>();
  it.server.onConnect((client) => heard.push(client));
  it.server.onMessage((message) => heard.push(message));
  it.server.onDisconnect(left.resolve);
  using alice = await SocketUnderTest.open(`${it.url}?user_id=alice`);
  alice.send({ type: "message", message: "Hi" });
  await alice.untilMessages(1);
  alice.close();
  const client = { connectionId: String(alice.welcome.connection_id), userId: "alice" };
  expect(await left.promise).toMatchObject(client);
  expect(heard).toMatchObject([client, { message: "Hi", sender: "alice", client }]);
});

test("a removed handler is not called any more", async () => {
  await using it = await running();
  const heard: string[] = [];
  const off = it.server.onMessage(({ message }) => heard.push(message));
  using alice = await SocketUnderTest.open(it.url);
  alice.send("one");
  await alice.untilMessages(1);
  off();
  alice.send("two");
  await alice.untilMessages(2);
  expect(heard).toEqual(["one"]);
});

test("two servers in one process are independent", async () => {
  await using first = await running();
  await using second = await running();
  using alice = await SocketUnderTest.open(first.url);
  using bob = await SocketUnderTest.open(second.url);
  await second.server.broadcastToAll("second");
  await first.server.broadcastToAll("first");
  expect((await alice.untilMessages(1)).map(({ message }) => message)).toEqual(["first"]);
  expect((await bob.untilMessages(1)).map(({ message }) => message)).toEqual(["second"]);
  expect([first.server.connectionCount, second.server.connectionCount]).toEqual([1, 1]);
});

test("a server can be started again after a stop, and its clients are told to reconnect", async () => {
  const server = new BroadcastServer({ port: 0 });
  const { url } = await server.start();
  using alice = await SocketUnderTest.open(url);
  await expect(server.start()).rejects.toThrow("already running");
  await server.stop();
  expect((await alice.untilClosed()).code).toBe(1012);
  await expect(server.broadcastToAll("nobody")).rejects.toThrow("not running");
  await server.start();
  await server.stop();
});

test("a port in use and an invalid option are errors that say so", async () => {
  await using it = await running();
  const taken = new BroadcastServer({ port: Number(new URL(it.url).port) });
  await expect(taken.start()).rejects.toMatchObject({ code: "EADDRINUSE" });
  expect(() => new BroadcastServer({ prot: 1 })).toThrow("prot: unknown setting, did you mean port?");
  expect(() => new BroadcastServer({ historySize: -1 })).toThrow(
    "historySize: expected a whole number from 0 to 1000000, got -1",
  );
  expect(() => new BroadcastServer({ channels: [{ match: "a b" }] })).toThrow("channels[0].match");
});

test.each([
  ["an event that contains a quote", { message: "m", event: 'a","channel":"b' }, /^event: expected/],
  ["a reserved event name", { message: "m", event: "system" }, /^event: expected/],
  ["neither message nor data", {}, /^data: expected data or message/],
  ["a message that is not a string", { message: 5 as unknown as string }, /^message: expected a text/],
  ["a channel, which is not everyone", { message: "m", ...{ channel: "a" } }, /^unknown field "channel"/],
  ["a delay, which is not now", { message: "m", ...{ delay_s: 5 } }, /^unknown field "delay_s"/],
  ["nothing at all", undefined as unknown as string, /^broadcast: expected a text, or an object/],
])("a broadcast with %s is rejected, and clients receive nothing of it", async (_, broadcast, complaint) => {
  await using it = await running();
  using alice = await SocketUnderTest.open(it.url);
  await expect(it.server.broadcastToAll(broadcast)).rejects.toThrow(complaint);
  await expect(it.server.broadcastToOthers(broadcast, "c_1")).rejects.toThrow(complaint);
  await it.server.broadcastToAll({ message: "after", event: "a.b:c-d", id: "m1", sender: "Alice" });
  expect(await alice.untilMessages(1)).toMatchObject([
    { message: "after", event: "a.b:c-d", id: "m1", sender: "Alice" },
  ]);
});

test("schedules can be given as an option, and publish", async () => {
  const schedules = [{ id: "tick", publish: { channel: "all", message: "tick" }, every_s: 1, max_runs: 1 }];
  await using it = await running({ schedules });
  using alice = await SocketUnderTest.open(it.url);
  expect(await alice.untilMessages(1)).toMatchObject([{ message: "tick" }]);
  expect(() => new BroadcastServer({ schedules: [{ id: "a" }] })).toThrow("schedules[0].at: expected one of at");
});
