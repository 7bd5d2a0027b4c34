import { describe, expect, test } from "bun:test";
import { ScriptedEnvironment, settle } from "../tests/client/scripted-environment.ts";
import type { ConnectionState } from "./state.ts";

test("a client connects, receives the welcome, closes, and reports each state", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client({ userId: "u1", token: "t0k" });
  const states = statesOf(client);
  expect(client.state.status).toBe("connecting");
  const socket = await environment.socket();
  expect(socket.target.token).toBe("t0k");
  expect(socket.query).toEqual({ user_id: "u1" });
  socket.welcome();
  client.close();
  expect(states.map(({ status }) => status)).toEqual(["connected", "closed"]);
  expect(client.state).toMatchObject({ code: 1000, reason: "closed by the client" });
  expect(socket.isClosed).toBe(true);
  await environment.move(60_000);
  expect(environment.sockets).toHaveLength(1);
});

test("retries wait longer and longer, and the state shows each wait in advance", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client({ transports: ["websocket"] });
  const waits: number[] = [];
  for (let tries = 1; tries <= 8; tries++) {
    (await environment.socket()).end(1006);
    expect(client.state).toMatchObject({ status: "reconnecting", code: 1006, reason: "as the test says" });
    const waitMs = (client.state.nextTryAt ?? 0) - environment.clock.now();
    waits.push(waitMs);
    await environment.move(waitMs - 1);
    expect(environment.sockets).toHaveLength(tries);
    await environment.move(1);
    expect(environment.sockets).toHaveLength(tries + 1);
    expect(client.state.nextTryAt).toBeUndefined();
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
});

test("only a connection that lasted resets the backoff", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.end(1006);
  await environment.move(500);
  const second = await environment.socket();
  second.welcome();
  second.end(4008);
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 1000);
  await environment.move(1000);
  const third = await environment.socket();
  third.welcome();
  await environment.move(5000);
  third.end(4008);
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 500);
});

test.each([1002, 1003, 1007, 1009, 4500, 4501, 4502, 4503, 4504, 4999])(
  "code %d stops the client until connect() is called",
  async (code) => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    socket.end(code);
    expect(client.state).toMatchObject({ status: "closed", code, reason: "as the test says" });
    await environment.move(60_000);
    expect(environment.sockets).toHaveLength(1);
    client.connect();
    (await environment.socket()).welcome();
    expect(client.state.status).toBe("connected");
  },
);

test.each([1000, 1001, 1006, 1011, 1012, 4008, 4009, 4010, 4029, 4053, 4321])(
  "after code %d the client reconnects as the successor of its previous connection",
  async (code) => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    socket.end(code);
    await environment.move(500);
    const next = await environment.socket();
    expect(next).not.toBe(socket);
    expect(next.query).toEqual({ takes_over: "key-of-the first" });
    next.welcome();
    expect(client.state).toEqual({ status: "connected", code: 0, reason: "", nextTryAt: undefined });
  },
);

test("does not reconnect earlier than the server asked", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.end(4053, { retryAfterMs: 7000 });
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 7000);
});

test("waits a day when the server asks for a wait longer than any timer can take", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.end(4053, { retryAfterMs: 2 ** 31 });
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 86_400_000);
  environment.clock.move(86_400_000 - 1);
  await settle();
  expect(environment.sockets).toHaveLength(1);
  environment.clock.move(1);
  await settle();
  expect(environment.sockets).toHaveLength(2);
});

test("a drain notice with such a wait does not close the connection at once", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.draining(false, 2 ** 40);
  environment.clock.move(1000);
  await settle();
  expect([client.state.status, environment.sockets.length]).toEqual(["connected", 1]);
});

test("asks for a token on each attempt, and counts a token error as a failed attempt", async () => {
  const environment = new ScriptedEnvironment();
  const answers: (() => string)[] = [
    () => "first",
    () => {
      throw new Error("no session");
    },
    () => "third",
  ];
  const client = environment.client({ token: async () => answers.shift()?.() });
  const first = await environment.socket();
  first.welcome();
  first.end(4010);
  await environment.move(500);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 4010, reason: "Error: no session" });
  await environment.move(1000);
  expect(environment.sockets.map(({ target }) => target.token)).toEqual(["first", "third"]);
});

test("a client closed while its token is being fetched opens no connection", async () => {
  const environment = new ScriptedEnvironment();
  const token = Promise.withResolvers<string>();
  const client = environment.client({ token: () => token.promise });
  client.close();
  token.resolve("late");
  await environment.move(20_000);
  expect(environment.sockets).toEqual([]);
  expect(client.state.code).toBe(1000);
});

test("gives up a connection that receives no welcome within ten seconds", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  const socket = await environment.socket();
  await environment.move(9999);
  expect(socket.isClosed).toBe(false);
  await environment.move(1);
  expect(socket.isClosed).toBe(true);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1006, reason: "no welcome" });
});

test("tries the stream right after two WebSockets fail to open, and keeps it while it works", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  (await environment.socket()).end(1006);
  (await environment.untilNextTry(client)).end(1006);
  const stream = await environment.socket();
  expect(names(environment)).toEqual(["websocket", "websocket", "sse"]);
  stream.welcome();
  await environment.move(5000);
  stream.end(1001);
  (await environment.untilNextTry(client)).end(1006);
  await environment.untilNextTry(client);
  expect(names(environment).slice(3)).toEqual(["sse", "websocket"]);
});

test("tries WebSocket first each time while the server is down", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  for (let tries = 0; tries < 6; tries++) (await environment.untilNextTry(client)).end(1006);
  await settle();
  expect(names(environment)).toEqual(["websocket", "websocket", "sse", "websocket", "sse", "websocket", "sse"]);
});

test.each([1001, 4053, 4029])(
  "returns to WebSocket after an outage in which a proxy answers streams, with %d",
  async (code) => {
    const environment = new ScriptedEnvironment();
    const { client, socket } = await environment.connected();
    socket.end(1006);
    for (const end of [1006, code, 1006, code]) (await environment.untilNextTry(client)).end(end);
    (await environment.untilNextTry(client)).welcome();
    expect(names(environment).slice(1)).toEqual(["websocket", "sse", "websocket", "sse", "websocket"]);
    expect(client.state.status).toBe("connected");
  },
);

test("does not fall back to the stream when the server closes with a code", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  for (let tries = 0; tries < 3; tries++) (await environment.untilNextTry(client)).end(4053);
  expect(new Set(names(environment))).toEqual(new Set(["websocket"]));
});

test("leaves a draining server shortly before its slot, and only after the successor's welcome", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const states = statesOf(client);
  socket.draining(true, 4200);
  await environment.move(3779);
  expect(environment.sockets).toHaveLength(1);
  await environment.move(1);
  const successor = await environment.socket();
  expect(successor.query).toEqual({ takes_over: "key-of-the first" });
  expect(socket.isClosed).toBe(false);
  successor.welcome();
  expect(socket.isClosed).toBe(true);
  expect(states).toEqual([]);
});

describe("when its token expires soon,", () => {
  const expiring = (leftMs: number) =>
    ({ type: "system", event: "token-expiring", message: "", expires_in_ms: leftMs }) as never;

  test("replaces the connection by one with a new token, before the old one ends", async () => {
    const environment = new ScriptedEnvironment();
    let count = 0;
    const { client, socket } = await environment.connected({ token: async () => `token ${++count}` });
    const states = statesOf(client);
    socket.deliver(expiring(30_000));
    await environment.move(17_999);
    expect(environment.sockets).toHaveLength(1);
    const successor = await environment.untilTimer(1);
    expect([socket.target.token, successor.target.token]).toEqual(["token 1", "token 2"]);
    expect(successor.query).toEqual({ takes_over: "key-of-the first" });
    expect(socket.isClosed).toBe(false);
    successor.welcome();
    expect([socket.isClosed, states]).toEqual([true, []]);
  });

  test("keeps the connection if there is no newer token", async () => {
    for (const token of ["fixed", () => "the same again"]) {
      const environment = new ScriptedEnvironment();
      const { socket } = await environment.connected({ token });
      socket.deliver(expiring(30_000));
      const isFixed = typeof token === "string";
      const second = await environment.untilTimer(18_000);
      expect(environment.sockets).toHaveLength(isFixed ? 1 : 2);
      if (isFixed) continue;
      second.welcome();
      second.deliver(expiring(12_000));
      await environment.move(11_000);
      expect(environment.sockets).toHaveLength(2);
      second.end(4010);
      await environment.move(20_000);
      expect(environment.sockets.length).toBeGreaterThan(2);
    }
  });
});

test("retries a successor that does not answer while the old connection stays in use", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected({ transports: ["websocket"] });
  socket.draining(true, 0);
  await environment.move(0);
  (await environment.socket()).end(1006);
  expect(client.state.status).toBe("connected");
  expect(socket.isClosed).toBe(false);
  await environment.move(1000);
  expect(environment.sockets).toHaveLength(3);
});

test("opens no third connection when the old one ends while its successor connects", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.draining(true, 0);
  await environment.move(0);
  const successor = await environment.socket();
  socket.end(1012);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1012, nextTryAt: undefined });
  successor.welcome();
  expect(client.state.status).toBe("connected");
  await environment.move(20_000);
  expect(environment.sockets).toHaveLength(2);
});

test("leaves a draining server without a successor at its slot", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  await environment.move(5000);
  socket.draining(false, 3000);
  await environment.move(2999);
  expect(socket.isClosed).toBe(false);
  await environment.move(1);
  expect(socket.isClosed).toBe(true);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1012, reason: "Server is shutting down." });
  await environment.move(500);
  expect(environment.sockets).toHaveLength(2);
});

test("with `stay`, keeps the connection until the server closes it", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected({ stay: true });
  socket.draining(false, 3000);
  await environment.move(15_000);
  expect(socket.isClosed).toBe(false);
  socket.end(1012);
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 500);
});

test("waits for its slot when a draining server closes earlier", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.draining(false, 8000);
  await environment.move(1000);
  socket.end(1012);
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 7000);
});

test("sends a ping after silence, and any answer keeps the connection", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  await environment.move(29_999);
  expect(pingsOf(socket)).toBe(0);
  await environment.move(1);
  expect(pingsOf(socket)).toBe(1);
  socket.deliver({ type: "pong" });
  await environment.move(10_000);
  expect(client.state.status).toBe("connected");
});

test("closes a connection that does not answer a ping", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  await environment.move(35_000);
  expect(socket.isClosed).toBe(true);
  expect(client.state).toMatchObject({ status: "reconnecting", code: 1006, reason: "the server does not answer" });
});

test("counts the comments of a quiet stream as activity", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected({ transports: ["sse"] });
  for (let comments = 0; comments < 10; comments++) {
    await environment.move(15_000);
    socket.comment();
    environment.wake();
  }
  expect(client.state.status).toBe("connected");
  expect(environment.sockets).toHaveLength(1);
});

test("pings as soon as the page wakes up", async () => {
  const environment = new ScriptedEnvironment();
  const { socket, client } = await environment.connected();
  await environment.move(16_000);
  environment.wake();
  environment.wake();
  expect(pingsOf(socket)).toBe(1);
  await environment.move(5000);
  expect(client.state.status).toBe("reconnecting");
});

test("is offline without a network, and connects as soon as the network is back", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  environment.online = false;
  socket.end(1006);
  expect(client.state).toMatchObject({ status: "offline", code: 1006 });
  environment.online = true;
  environment.wake();
  await settle();
  expect(environment.sockets).toHaveLength(2);
  expect(client.state.status).toBe("reconnecting");
});

test("tries on while the runtime reports no network: a server on the same machine needs none", async () => {
  const environment = new ScriptedEnvironment();
  environment.online = false;
  const { client, socket } = await environment.connected();
  const states: string[] = [];
  client.on("state", ({ status }) => states.push(status));
  socket.end(1006);
  for (const waitMs of [500, 1000, 2000, 4000]) (await environment.untilTimer(waitMs)).end(1006);
  expect(environment.sockets).toHaveLength(5);
  expect(new Set(environment.sockets.map(({ name }) => name))).toEqual(new Set(["websocket"]));
  expect(new Set(states)).toEqual(new Set(["offline"]));
  (await environment.untilTimer(8000)).welcome();
  expect(client.state.status).toBe("connected");
});

test("a client that waits for the next attempt says when the network goes down", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.end(1006);
  environment.online = false;
  const states: unknown[] = [];
  client.on("state", (state) => states.push(state));
  environment.wake();
  environment.wake();
  expect(states).toEqual([{ status: "offline", code: 1006, reason: "as the test says", nextTryAt: undefined }]);
  expect(environment.sockets).toHaveLength(1);
});

test("a page that wakes up does not reconnect earlier than planned", async () => {
  const environment = new ScriptedEnvironment();
  const { socket } = await environment.connected();
  socket.end(4029, { retryAfterMs: 9000 });
  environment.wake();
  await environment.move(8999);
  expect(environment.sockets).toHaveLength(1);
});

test("connect() skips the wait for the next attempt", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.end(1006);
  client.connect();
  client.connect();
  await settle();
  expect(environment.sockets).toHaveLength(2);
  await environment.move(5000);
  expect(environment.sockets).toHaveLength(2);
});

test.each(["connecting", "connected", "reconnecting", "offline"])(
  "a client that is closed as soon as it is %s stays closed",
  async (status) => {
    const environment = new ScriptedEnvironment();
    const { client } = await environment.connected();
    client.close();
    client.on("state", (state) => state.status === status && client.close());
    client.connect();
    const socket = await environment.socket();
    socket.welcome();
    if (status === "offline") environment.online = false;
    socket.end(1006);
    await environment.move(60_000);
    expect(client.state.status).toBe("closed");
    expect(environment.sockets.every(({ isClosed }) => isClosed)).toBe(true);
    expect(environment.sockets.length).toBeLessThan(3);
  },
);

test("a client closed while it handles a batch receives nothing more of the batch", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const notices: unknown[] = [];
  client.on("system", (frame) => {
    notices.push(frame);
    client.close();
  });
  const notice = { type: "system", event: "joined", message: "", online: 2, timestamp: "" };
  socket.deliver(notice, notice);
  expect(notices).toHaveLength(1);
});

test("does not fall back to the stream when WebSockets open and break again and again", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.end(1006);
  for (let breaks = 0; breaks < 3; breaks++) {
    const next = await environment.untilNextTry(client);
    next.welcome();
    next.end(1006);
  }
  expect(new Set(names(environment))).toEqual(new Set(["websocket"]));
});

test("does not reconnect after an operator disconnects it, whatever channels it is in", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  client.channel("room:1").on("message", () => {});
  const socket = await environment.socket();
  socket.welcome({ "room:1": { epoch: "e", offset: 0, from: 1 } });
  socket.end(4504);
  expect(client.state).toMatchObject({ status: "closed", code: 4504 });
});

test("forgets a server's drain slot once that server is gone", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  socket.draining(true, 60_000);
  socket.end(1011);
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 60_000);
  client.connect();
  const next = await environment.socket();
  next.welcome();
  next.end(1011);
  expect(client.state.nextTryAt).toBe(environment.clock.now() + 1000);
});

test("reports no state change when the server ends the old connection after a handover", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const states = statesOf(client);
  socket.draining(true, 0);
  await environment.move(0);
  socket.end(1000);
  (await environment.socket()).welcome();
  expect(states).toEqual([]);
});

test("a closed client does not react when the page wakes up", async () => {
  const environment = new ScriptedEnvironment();
  const { client } = await environment.connected();
  client.close();
  environment.wake();
  await environment.move(1000);
  expect(environment.sockets).toHaveLength(1);
});

test("frequent pings from a server do not shorten the timeout of a quiet stream", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client({ transports: ["sse"] });
  const socket = await environment.socket();
  socket.welcome({}, 100);
  for (let comments = 0; comments < 4; comments++) {
    await environment.move(15_000);
    socket.comment();
  }
  expect(client.state.status).toBe("connected");
});

test("ignores a welcome that arrives after close()", async () => {
  const environment = new ScriptedEnvironment();
  const client = environment.client();
  const late = await environment.socket();
  await environment.move(10_000);
  late.welcome();
  client.close();
  await environment.move(120_000);
  expect(pingsOf(late)).toBe(0);
  expect(client.state.code).toBe(1000);
});

test("ignores frames of a connection after the client has left it", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  const notices: string[] = [];
  client.on("system", ({ event }) => void notices.push(event));
  client.close();
  socket.deliver({ type: "system", event: "joined", message: "", online: 2, timestamp: "" });
  socket.end(1006);
  await environment.move(1000);
  expect(notices).toEqual([]);
  expect(client.state.status).toBe("closed");
});

function names(environment: ScriptedEnvironment) {
  return environment.sockets.map(({ name }) => name);
}

function pingsOf(socket: { readonly sent: readonly { readonly command: { readonly type: string } }[] }): number {
  return socket.sent.filter(({ command }) => command.type === "ping").length;
}

function statesOf(client: { on(name: "state", handler: (state: ConnectionState) => void): unknown }) {
  const states: ConnectionState[] = [];
  client.on("state", (state) => void states.push(state));
  return states;
}

test("detects silence however the wall clock is set meanwhile", async () => {
  const environment = new ScriptedEnvironment();
  const { client, socket } = await environment.connected();
  environment.clock.set(-3_600_000);
  await environment.move(35_000);
  expect(socket.sent).toHaveLength(1);
  environment.clock.set(-3_600_000);
  await environment.move(10_000);
  expect(client.state).toMatchObject({ status: "reconnecting", reason: "the server does not answer" });
});
