import { expect, test } from "bun:test";
import { ScriptedWorld, settle } from "../tests/client/scripted-world.ts";
import type { ConnectionState } from "./state.ts";

test("a client connects, is welcomed and is closed, and says so", async () => {
  const world = new ScriptedWorld();
  const client = world.client({ userId: "u1", token: "t0k" });
  const states = statesOf(client);
  expect(client.state.status).toBe("connecting");
  const socket = await world.socket();
  expect(socket.target.token).toBe("t0k");
  expect(socket.query).toEqual({ user_id: "u1" });
  socket.welcome();
  client.close();
  expect(states.map(({ status }) => status)).toEqual(["connected", "closed"]);
  expect(client.state).toMatchObject({ code: 1000, reason: "closed by the client" });
  expect(socket.isClosed).toBe(true);
  await world.move(60_000);
  expect(world.sockets).toHaveLength(1);
});

test("tries come after growing waits, which the state tells beforehand", async () => {
  const world = new ScriptedWorld();
  const client = world.client({ transports: ["websocket"] });
  const waits: number[] = [];
  for (let tries = 1; tries <= 8; tries++) {
    (await world.socket()).end(1006);
    expect(client.state).toMatchObject({ status: "reconnecting", code: 1006, reason: "as the test says" });
    const waitMs = (client.state.nextTryAt ?? 0) - world.clock.now();
    waits.push(waitMs);
    await world.move(waitMs - 1);
    expect(world.sockets).toHaveLength(tries);
    await world.move(1);
    expect(world.sockets).toHaveLength(tries + 1);
    expect(client.state.nextTryAt).toBeUndefined();
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
});

test("only a connection that lasted makes the next failure the first", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.end(1006);
  await world.move(500);
  const second = await world.socket();
  second.welcome();
  second.end(4008);
  expect(client.state.nextTryAt).toBe(world.clock.now() + 1000);
  await world.move(1000);
  const third = await world.socket();
  third.welcome();
  await world.move(5000);
  third.end(4008);
  expect(client.state.nextTryAt).toBe(world.clock.now() + 500);
});

test.each([1002, 1003, 1007, 1009, 4500, 4501, 4502, 4503, 4504, 4999])(
  "code %d ends a client for good, until it is told to connect",
  async (code) => {
    const world = new ScriptedWorld();
    const { client, socket } = await world.connected();
    socket.end(code);
    expect(client.state).toMatchObject({ status: "closed", code, reason: "as the test says" });
    await world.move(60_000);
    expect(world.sockets).toHaveLength(1);
    client.connect();
    (await world.socket()).welcome();
    expect(client.state.status).toBe("connected");
  },
);

test.each([1000, 1001, 1006, 1011, 1012, 4008, 4009, 4010, 4029, 4053, 4321])(
  "code %d brings a client back, as the successor of the connection before",
  async (code) => {
    const world = new ScriptedWorld();
    const { client, socket } = await world.connected();
    socket.end(code);
    await world.move(500);
    const next = await world.socket();
    expect(next).not.toBe(socket);
    expect(next.query).toEqual({ takes_over: "key-of-the first" });
    next.welcome();
    expect(client.state).toEqual({ status: "connected", code: 0, reason: "", nextTryAt: undefined });
  },
);

test("a server that says when to come back is not asked before", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.end(4053, { retryAfterMs: 7000 });
  expect(client.state.nextTryAt).toBe(world.clock.now() + 7000);
});

test("a server that names a time which no timer can wait is asked a day later, not at once", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.end(4053, { retryAfterMs: 2 ** 31 });
  expect(client.state.nextTryAt).toBe(world.clock.now() + 86_400_000);
  world.clock.move(86_400_000 - 1);
  await settle();
  expect(world.sockets).toHaveLength(1);
  world.clock.move(1);
  await settle();
  expect(world.sockets).toHaveLength(2);
});

test("a drain notice with such a time ends no connection at once", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.draining(false, 2 ** 40);
  world.clock.move(1000);
  await settle();
  expect([client.state.status, world.sockets.length]).toEqual(["connected", 1]);
});

test("each try asks for a token, and one that cannot be had is a failed try", async () => {
  const world = new ScriptedWorld();
  const answers: (() => string)[] = [
    () => "first",
    () => {
      throw new Error("no session");
    },
    () => "third",
  ];
  const client = world.client({ token: async () => answers.shift()?.() });
  const first = await world.socket();
  first.welcome();
  first.end(4010);
  await world.move(500);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 4010, reason: "Error: no session" });
  await world.move(1000);
  expect(world.sockets.map(({ target }) => target.token)).toEqual(["first", "third"]);
});

test("a client that is closed while its token is on the way opens nothing", async () => {
  const world = new ScriptedWorld();
  const token = Promise.withResolvers<string>();
  const client = world.client({ token: () => token.promise });
  client.close();
  token.resolve("late");
  await world.move(20_000);
  expect(world.sockets).toEqual([]);
  expect(client.state.code).toBe(1000);
});

test("a connection without a welcome in ten seconds is given up", async () => {
  const world = new ScriptedWorld();
  const client = world.client();
  const socket = await world.socket();
  await world.move(9999);
  expect(socket.isClosed).toBe(false);
  await world.move(1);
  expect(socket.isClosed).toBe(true);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1006, reason: "no welcome" });
});

test("after two WebSockets that did not open, the stream has its turn at once, and is kept while it works", async () => {
  const world = new ScriptedWorld();
  const client = world.client();
  (await world.socket()).end(1006);
  (await world.untilNextTry(client)).end(1006);
  const stream = await world.socket();
  expect(names(world)).toEqual(["websocket", "websocket", "sse"]);
  stream.welcome();
  await world.move(5000);
  stream.end(1001);
  (await world.untilNextTry(client)).end(1006);
  await world.untilNextTry(client);
  expect(names(world).slice(3)).toEqual(["sse", "websocket"]);
});

test("a server that is away is asked by WebSocket first, again and again", async () => {
  const world = new ScriptedWorld();
  const client = world.client();
  for (let tries = 0; tries < 6; tries++) (await world.untilNextTry(client)).end(1006);
  await settle();
  expect(names(world)).toEqual(["websocket", "websocket", "sse", "websocket", "sse", "websocket", "sse"]);
});

test("a server that closes with a code was reached: no stream is tried", async () => {
  const world = new ScriptedWorld();
  const client = world.client();
  for (let tries = 0; tries < 3; tries++) (await world.untilNextTry(client)).end(4053);
  expect(new Set(names(world))).toEqual(new Set(["websocket"]));
});

test("a server that has a successor is left a little before the slot, and only once the successor has said welcome", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  const states = statesOf(client);
  socket.draining(true, 4200);
  await world.move(3779);
  expect(world.sockets).toHaveLength(1);
  await world.move(1);
  const successor = await world.socket();
  expect(successor.query).toEqual({ takes_over: "key-of-the first" });
  expect(socket.isClosed).toBe(false);
  successor.welcome();
  expect(socket.isClosed).toBe(true);
  expect(states).toEqual([]);
});

test("a successor that does not answer is asked again, while the old connection goes on", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected({ transports: ["websocket"] });
  socket.draining(true, 0);
  await world.move(0);
  (await world.socket()).end(1006);
  expect(client.state.status).toBe("connected");
  expect(socket.isClosed).toBe(false);
  await world.move(1000);
  expect(world.sockets).toHaveLength(3);
});

test("an old connection that ends while its successor is on the way opens no third one", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.draining(true, 0);
  await world.move(0);
  const successor = await world.socket();
  socket.end(1012);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1012, nextTryAt: undefined });
  successor.welcome();
  expect(client.state.status).toBe("connected");
  await world.move(20_000);
  expect(world.sockets).toHaveLength(2);
});

test("a server without a successor is left at the slot", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  await world.move(5000);
  socket.draining(false, 3000);
  await world.move(2999);
  expect(socket.isClosed).toBe(false);
  await world.move(1);
  expect(socket.isClosed).toBe(true);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1012, reason: "Server is shutting down." });
  await world.move(500);
  expect(world.sockets).toHaveLength(2);
});

test("who wants to stay, stays until the server closes", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected({ stay: true });
  socket.draining(false, 3000);
  await world.move(15_000);
  expect(socket.isClosed).toBe(false);
  socket.end(1012);
  expect(client.state.nextTryAt).toBe(world.clock.now() + 500);
});

test("a server that closes before the slot is not asked before the slot", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.draining(false, 8000);
  await world.move(1000);
  socket.end(1012);
  expect(client.state.nextTryAt).toBe(world.clock.now() + 7000);
});

test("silence is broken by a ping, and an answer of any kind keeps the connection", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  await world.move(29_999);
  expect(pingsOf(socket)).toBe(0);
  await world.move(1);
  expect(pingsOf(socket)).toBe(1);
  socket.say({ type: "pong" });
  await world.move(10_000);
  expect(client.state.status).toBe("connected");
});

test("a connection that does not answer a ping is dead", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  await world.move(35_000);
  expect(socket.isClosed).toBe(true);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1006, reason: "the server is silent" });
});

test("the comments of a quiet stream are signs of life", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected({ transports: ["sse"] });
  for (let comments = 0; comments < 10; comments++) {
    await world.move(15_000);
    socket.comment();
    world.wake();
  }
  expect(client.state.status).toBe("connected");
  expect(world.sockets).toHaveLength(1);
});

test("a page that wakes up asks at once whether anybody is there", async () => {
  const world = new ScriptedWorld();
  const { socket, client } = await world.connected();
  await world.move(16_000);
  world.wake();
  world.wake();
  expect(pingsOf(socket)).toBe(1);
  await world.move(5000);
  expect(client.state.status).toBe("reconnecting");
});

test("without a network nothing is tried, and at once when it is back", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  world.online = false;
  socket.end(1006);
  expect(client.state).toMatchObject({ status: "offline", code: 1006 });
  await world.move(600_000);
  expect(world.sockets).toHaveLength(1);
  world.online = true;
  world.wake();
  await settle();
  expect(world.sockets).toHaveLength(2);
  expect(client.state.status).toBe("reconnecting");
});

test("a network that goes while the next try is waited for ends the waiting", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.end(1006);
  world.online = false;
  world.wake();
  expect(client.state).toMatchObject({ status: "offline", code: 1006 });
  await world.move(20_000);
  expect(world.sockets).toHaveLength(1);
});

test("a page that wakes up does not come back before its time", async () => {
  const world = new ScriptedWorld();
  const { socket } = await world.connected();
  socket.end(4029, { retryAfterMs: 9000 });
  world.wake();
  await world.move(8999);
  expect(world.sockets).toHaveLength(1);
});

test("connect() does not wait for the next try", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.end(1006);
  client.connect();
  client.connect();
  await settle();
  expect(world.sockets).toHaveLength(2);
  await world.move(5000);
  expect(world.sockets).toHaveLength(2);
});

test.each(["connecting", "connected", "reconnecting", "offline"])(
  "a client that is closed as soon as it is %s stays closed",
  async (status) => {
    const world = new ScriptedWorld();
    const { client } = await world.connected();
    client.close();
    client.on("state", (state) => state.status === status && client.close());
    client.connect();
    const socket = await world.socket();
    socket.welcome();
    if (status === "offline") world.online = false;
    socket.end(1006);
    await world.move(60_000);
    expect(client.state.status).toBe("closed");
    expect(world.sockets.every(({ isClosed }) => isClosed)).toBe(true);
    expect(world.sockets.length).toBeLessThan(3);
  },
);

test("a client that is closed in the middle of what came together hears no more of it", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  const notices: unknown[] = [];
  client.on("system", (frame) => {
    notices.push(frame);
    client.close();
  });
  const notice = { type: "system", event: "joined", message: "", online: 2, timestamp: "" };
  socket.say(notice, notice);
  expect(notices).toHaveLength(1);
});

test("a WebSocket that opens and breaks, again and again, is no reason for a stream", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.end(1006);
  for (let breaks = 0; breaks < 3; breaks++) {
    const next = await world.untilNextTry(client);
    next.welcome();
    next.end(1006);
  }
  expect(new Set(names(world))).toEqual(new Set(["websocket"]));
});

test("an operator's goodbye is final, whatever channels the client is in", async () => {
  const world = new ScriptedWorld();
  const client = world.client();
  client.channel("room:1").on("message", () => {});
  const socket = await world.socket();
  socket.welcome({ "room:1": { epoch: "e", offset: 0, from: 1 } });
  socket.end(4504);
  expect(client.state).toMatchObject({ status: "closed", code: 4504 });
});

test("the slot of a server that is gone says nothing about the next one", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  socket.draining(true, 60_000);
  socket.end(1011);
  expect(client.state.nextTryAt).toBe(world.clock.now() + 60_000);
  client.connect();
  const next = await world.socket();
  next.welcome();
  next.end(1011);
  expect(client.state.nextTryAt).toBe(world.clock.now() + 1000);
});

test("an old connection that the server ends because its successor is there is no break", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  const states = statesOf(client);
  socket.draining(true, 0);
  await world.move(0);
  socket.end(1000);
  (await world.socket()).welcome();
  expect(states).toEqual([]);
});

test("a closed client is not woken up", async () => {
  const world = new ScriptedWorld();
  const { client } = await world.connected();
  client.close();
  world.wake();
  await world.move(1000);
  expect(world.sockets).toHaveLength(1);
});

test("a server that pings often does not make a client impatient with a quiet stream", async () => {
  const world = new ScriptedWorld();
  const client = world.client({ transports: ["sse"] });
  const socket = await world.socket();
  socket.welcome({}, 100);
  for (let comments = 0; comments < 4; comments++) {
    await world.move(15_000);
    socket.comment();
  }
  expect(client.state.status).toBe("connected");
});

test("a welcome that comes too late starts nothing", async () => {
  const world = new ScriptedWorld();
  const client = world.client();
  const late = await world.socket();
  await world.move(10_000);
  late.welcome();
  client.close();
  await world.move(120_000);
  expect(pingsOf(late)).toBe(0);
  expect(client.state.code).toBe(1000);
});

test("nothing that a left connection still says is heard", async () => {
  const world = new ScriptedWorld();
  const { client, socket } = await world.connected();
  const notices: string[] = [];
  client.on("system", ({ event }) => void notices.push(event));
  client.close();
  socket.say({ type: "system", event: "joined", message: "", online: 2, timestamp: "" });
  socket.end(1006);
  await world.move(1000);
  expect(notices).toEqual([]);
  expect(client.state.status).toBe("closed");
});

function names(world: ScriptedWorld) {
  return world.sockets.map(({ name }) => name);
}

function pingsOf(socket: { readonly said: readonly { readonly command: { readonly type: string } }[] }): number {
  return socket.said.filter(({ command }) => command.type === "ping").length;
}

function statesOf(client: { on(name: "state", handler: (state: ConnectionState) => void): unknown }) {
  const states: ConnectionState[] = [];
  client.on("state", (state) => void states.push(state));
  return states;
}
