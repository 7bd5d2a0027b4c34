import { describe, expect, test } from "bun:test";
import { RawSocket } from "./raw-socket.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

const noticeOf = (client: SocketUnderTest | StreamUnderTest) => client.until((it) => it.event === "draining");

const openMany = (server: ServerUnderTest, count: number) =>
  Promise.all(Array.from({ length: count }, () => SocketUnderTest.open(server.wsUrl)));

/** The last line of the log, once the server has exited. */
async function receiptOf(server: ServerUnderTest): Promise<Record<string, number>> {
  await server.exited;
  const [, text = "{}"] = await server.untilLogged(/Stopped: (\{.*\})/);
  return JSON.parse(text) as Record<string, number>;
}

/** A member of `room` that has received its welcome and stops reading. */
async function openStuck(server: ServerUnderTest): Promise<RawWebSocket> {
  const reader = await RawWebSocket.open(server.port, "/ws?channel=room");
  await reader.untilText(/welcome/);
  reader.socket.pause();
  return reader;
}

/** @returns the offset of the posted message */
async function postTo(server: ServerUnderTest, size: number): Promise<number> {
  const type = { "Content-Type": "text/plain" };
  const answer = await server.request("POST", "/v1/channels/room/messages", "x".repeat(size), type);
  return Number(((await answer.json()) as Frame).offset);
}

/** The server's record of its only connection. */
async function connectionOf(server: ServerUnderTest): Promise<Frame> {
  const { connections } = (await (await server.request("GET", "/v1/connections")).json()) as { connections: Frame[] };
  return connections[0] ?? {};
}

function offsetsOf({ texts }: RawWebSocket): readonly number[] {
  const frames = texts.map((it) => JSON.parse(it) as Frame);
  return frames.filter((it) => it.channel === "room").map(({ offset }) => Number(offset));
}

describe("waiting", () => {
  test.concurrent("each client gets its own reconnect time within the window; clients that stay are served until they leave", async () => {
    await using server = await startServer({ env: { DRAIN_WINDOW: "3s", SHUTDOWN_TIMEOUT: "60s" } });
    const clients = await openMany(server, 20);
    server.signal("SIGTERM");
    const notices = await Promise.all(clients.map(noticeOf));
    const slots = notices.map((it) => Number(it.reconnect_after_ms));
    for (const [index, notice] of notices.entries()) {
      expect(notice).toMatchObject({ type: "system", successor: false });
      expect(slots[index]).toBeWithin(0, 3001);
      expect(notice.deadline_ms).toBeWithin(50_000, 60_001);
      expect(notice.message).toStartWith("Server is shutting down");
    }
    expect(new Set(slots).size).toBeGreaterThan(10);
    const [one, other, ...rest] = clients;
    for (const client of rest) client.close();
    one?.send("still here");
    await other?.until((it) => it.message === "still here");
    one?.close();
    other?.close();
    expect(await server.exited).toBe(0);
    const receipt = await receiptOf(server);
    const counts = { initial: 20, left: 20, moved: 0, forced: 0, unflushed_bytes: 0, max_close_rate: 0 };
    expect(receipt).toEqual({ ...counts, duration_ms: Number(receipt.duration_ms) });
  });

  test.concurrent("new clients are refused, and the log reports every 5 s how many are left and for how long", async () => {
    await using server = await startServer({ env: { SHUTDOWN_TIMEOUT: "40s" } });
    using client = await SocketUnderTest.open(server.wsUrl);
    using _other = await SocketUnderTest.open(server.wsUrl);
    server.signal("SIGTERM");
    await server.untilLogged(/Shutting down: 2 client\(s\) are connected and have 40 s to leave/);
    await noticeOf(client);
    await expect(RawSocket.connect(server.port)).rejects.toThrow();
    const line = /Waiting for (\d+) client\(s\) to leave; the rest are closed in (\d+) s/;
    const first = await server.untilLogged(line);
    client.close();
    const second = await server.untilLogged(new RegExp(`${line.source}.*\\n(?:.*\\n)*.*${line.source}`));
    expect([first[1], second[3]]).toEqual(["2", "1"]);
    expect(Number(first[2]) - Number(second[4])).toBeWithin(4, 8);
  });

  test.concurrent("without clients the process ends at once", async () => {
    await using server = await startServer();
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(server.output).toContain("no clients are connected");
    const receipt = await receiptOf(server);
    expect(receipt).toMatchObject({ initial: 0, left: 0, forced: 0 });
    // With a client, it would take half an hour.
    expect(receipt.duration_ms).toBeLessThan(45_000);
  });

  test.concurrent("a stream gets its reconnect time, stays connected, and is counted like any client", async () => {
    await using server = await startServer({ env: { DRAIN_WINDOW: "2s" } });
    using stream = await StreamUnderTest.open(`${server.url}/sse`);
    using socket = await SocketUnderTest.open(server.wsUrl);
    server.signal("SIGTERM");
    const notice = await noticeOf(stream);
    expect(stream.blocks.map(({ retry }) => retry)).toContain(String(notice.reconnect_after_ms));
    await noticeOf(socket);
    socket.send("to the stream");
    await stream.until((it) => it.message === "to the stream");
    socket.close();
    stream[Symbol.dispose]();
    expect(await server.exited).toBe(0);
    expect(await receiptOf(server)).toMatchObject({ initial: 2, left: 2 });
  });
});

describe("the deadline", () => {
  test.concurrent("closes the remaining clients with 1012, and ends streams with a reconnect time", async () => {
    await using server = await startServer({ env: { SHUTDOWN_TIMEOUT: "1s", DRAIN_WINDOW: "1s" } });
    const clients = await openMany(server, 5);
    using stream = await StreamUnderTest.open(`${server.url}/sse`);
    server.signal("SIGTERM");
    for (const client of clients) expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    await stream.untilEnded();
    expect(Number(stream.blocks.at(-1)?.retry)).toBeGreaterThan(0);
    expect(await server.exited).toBe(0);
    expect(await receiptOf(server)).toMatchObject({ initial: 6, left: 0, forced: 6, unflushed_bytes: 0 });
  });

  test.concurrent("delivers queued messages before the 1012", async () => {
    await using server = await startServer({ env: { SHUTDOWN_TIMEOUT: "2s", DRAIN_WINDOW: "1s" } });
    using reader = await openStuck(server);
    // More than the kernel buffers for one socket, and no more than the server may buffer for it.
    let sent: number;
    do sent = await postTo(server, 10_000);
    while ((await connectionOf(server)).buffered_bytes === 0);
    expect(await connectionOf(server)).toMatchObject({ is_lagging: false });
    server.signal("SIGTERM");
    await server.untilLogged(/The deadline has passed: closing 1 client/);
    reader.socket.resume();
    expect(await reader.untilClosed()).toBe(1012);
    expect(offsetsOf(reader)).toEqual(Array.from({ length: sent }, (_, at) => at + 1));
    expect(await receiptOf(server)).toMatchObject({ forced: 1, unflushed_bytes: 0 });
  });

  test.concurrent("lets a lagging client that reads catch up first", async () => {
    await using server = await startServer({
      env: { SHUTDOWN_TIMEOUT: "2s", DRAIN_WINDOW: "1s", HISTORY_BYTES: "32MiB" },
    });
    using reader = await openStuck(server);
    for (let sent = 0; sent < 400; ) sent = await postTo(server, 16_000);
    server.signal("SIGTERM");
    await server.untilLogged(/The deadline has passed: closing 1 client/);
    reader.socket.resume();
    expect(await reader.untilClosed()).toBe(1012);
    expect(offsetsOf(reader)).toEqual(Array.from({ length: 400 }, (_, at) => at + 1));
  });

  test.concurrent("does not wait forever for a client that reads nothing", async () => {
    const env = { SHUTDOWN_TIMEOUT: "1s", DRAIN_WINDOW: "1s", HISTORY_BYTES: "64MiB" };
    await using server = await startServer({ env });
    using _reader = await openStuck(server);
    // Once the server buffers what follows, the kernel's buffer for the socket is full.
    let sent = 0;
    while (sent < 100 || (await connectionOf(server)).is_lagging !== true) sent = await postTo(server, 60_000);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    const receipt = await receiptOf(server);
    expect(receipt).toMatchObject({ initial: 1, left: 0, forced: 1 });
    expect(receipt.unflushed_bytes).toBeGreaterThan(0);
  });
});

describe("signals", () => {
  test.concurrent.each([
    ["SIGTERM", "SIGTERM", 143],
    ["SIGINT", "SIGINT", 130],
    ["SIGTERM", "SIGINT", 130],
  ] as const)("%s and then %s closes every connection at once and exits with %d", async (first, second, code) => {
    await using server = await startServer();
    const clients = await openMany(server, 3);
    server.signal(first);
    await Promise.all(clients.map(noticeOf));
    server.signal(second);
    for (const client of clients) expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await server.exited).toBe(code);
    await server.untilLogged(/Stopping now: closing 3 client\(s\)/);
    expect(await receiptOf(server)).toMatchObject({ initial: 3, left: 0, forced: 3 });
  });

  test.concurrent("a second signal ends the lame-duck phase as well", async () => {
    await using server = await startServer({ env: { DRAIN_DELAY: "10m" } });
    using client = await SocketUnderTest.open(server.wsUrl);
    server.signal("SIGTERM");
    await server.untilLogged(/Shutting down/);
    server.signal("SIGTERM");
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await server.exited).toBe(143);
  });

  test.concurrent("SIGHUP without a terminal is ignored, with a warning", async () => {
    await using server = await startServer();
    using client = await SocketUnderTest.open(server.wsUrl);
    server.signal("SIGHUP");
    await server.untilLogged(/WARNING \| SIGHUP ignored/);
    client.send("still here");
    await client.until((it) => it.message === "still here");
    expect((await server.request("GET", "/readyz")).status).toBe(200);
    expect(client.frames.filter((it) => it.event === "draining")).toEqual([]);
  });
});

describe("DRAIN_MODE=move", () => {
  test.concurrent("closes each client with 1012 at its reconnect time, spread over the window", async () => {
    await using server = await startServer({ env: { DRAIN_MODE: "move", DRAIN_WINDOW: "3s" } });
    const clients = await openMany(server, 30);
    server.signal("SIGTERM");
    const moved = await Promise.all(
      clients.map(async (client) => {
        const notice = await noticeOf(client);
        const noticeAt = performance.now();
        expect(await client.untilClosed()).toMatchObject({ code: 1012 });
        return { slot: Number(notice.reconnect_after_ms), after: performance.now() - noticeAt };
      }),
    );
    expect(await server.exited).toBe(0);
    const slots = moved.map(({ slot }) => slot);
    for (const slot of slots) expect(slot).toBeWithin(0, 3001);
    const afters = moved.map(({ after }) => after);
    const spread = (values: number[]) => Math.max(...values) - Math.min(...values);
    expect(spread(afters)).toBeGreaterThan(spread(slots) / 2);
    // A client with a reconnect time at least a second later is closed later, unless the machine is busy for half a second.
    for (const a of moved)
      for (const b of moved) if (a.slot + 1000 < b.slot) expect(a.after).toBeLessThan(b.after + 500);
    const receipt = await receiptOf(server);
    expect(receipt).toMatchObject({ initial: 30, left: 0, moved: 30, forced: 0 });
    // At most 30 in four seconds of the clock, as even as random times can be.
    expect(receipt.max_close_rate).toBeWithin(8, 31);
  });
});

describe("lame-duck", () => {
  test.concurrent("still serves, and tells load balancers and new clients that it is shutting down", async () => {
    await using server = await startServer({ env: { DRAIN_DELAY: "3s", DRAIN_WINDOW: "2s" } });
    server.signal("SIGTERM");
    await server.untilLogged(/Shutting down/);
    const get = (path: string) => server.request("GET", path);
    const asked = { Origin: server.url, "Access-Control-Request-Method": "POST" };
    const preflight = await server.request("OPTIONS", "/v1/publish", undefined, asked);
    const [ready, alive, health] = [await get("/readyz"), await get("/livez"), await get("/health")];
    expect([ready.status, alive.status, health.status]).toEqual([503, 200, 200]);
    expect(await health.json()).toMatchObject({ status: "draining" });
    for (const { headers } of [preflight, ready, alive, health]) expect(headers.get("Connection")).toBe("close");
    using newcomer = await SocketUnderTest.open(server.wsUrl);
    using stream = await StreamUnderTest.open(`${server.url}/sse`);
    for (const client of [newcomer, stream]) {
      expect((await noticeOf(client)).reconnect_after_ms).toBeWithin(0, 2001);
      expect(client.frames.slice(0, 2).map(({ event }) => event)).toEqual(["welcome", "draining"]);
    }
    const pushed = await server.request("POST", "/v1/publish", { channel: "all", message: "in time" });
    expect([pushed.status, pushed.headers.get("Connection")]).toEqual([200, "close"]);
    await newcomer.until((it) => it.message === "in time");
    newcomer.close();
    stream[Symbol.dispose]();
    expect(await server.exited).toBe(0);
    expect(newcomer.frames.filter(({ event }) => event === "draining")).toHaveLength(1);
  });

  test.concurrent("a request whose body is still arriving is answered, although the port is closed", async () => {
    await using server = await startServer();
    using client = await SocketUnderTest.open(server.wsUrl);
    using raw = await RawSocket.connect(server.port);
    const body = '{"channel":"all","message":"late"}';
    const head = `POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
    // The answer to a whole request shows that the server has accepted the connection, and read the first half of the next.
    raw.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n${head}${body.slice(0, 9)}`);
    await raw.untilReceived(/^HTTP\/1\.1 200/);
    raw.received = "";
    server.signal("SIGTERM");
    await noticeOf(client);
    await expect(RawSocket.connect(server.port)).rejects.toThrow();
    raw.write(body.slice(9));
    await raw.untilReceived(/^HTTP\/1\.1 200[\s\S]*Connection: close/i);
    await client.until((it) => it.message === "late");
    client.close();
    expect(await server.exited).toBe(0);
  });

  test.concurrent("publishers with open connections lose no request, and everything acknowledged is delivered", async () => {
    await using server = await startServer();
    using subscriber = await SocketUnderTest.open(`${server.wsUrl}?channel=room`);
    const acknowledged: string[] = [];
    const publishers = Array.from({ length: 20 }, async (_, publisher) => {
      const socket = await RawSocket.connect(server.port);
      for (let at = 0; ; at++) {
        const id = `${publisher}-${at}`;
        const body = JSON.stringify({ channel: "room", data: at, id });
        const head = `POST /v1/publish HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
        socket.received = "";
        socket.write(head + body);
        const [answer] = await socket.untilReceived(/^HTTP[\s\S]*\r\n\r\n\{.*\}$/);
        expect(answer).toStartWith("HTTP/1.1 200");
        acknowledged.push(id);
        if (/^connection: close/im.test(answer)) return socket.untilEnded();
      }
    });
    await subscriber.untilMessages(200);
    server.signal("SIGTERM");
    await Promise.all(publishers);
    await noticeOf(subscriber);
    await subscriber.until(() => subscriber.messages.length === acknowledged.length);
    const ids = (frames: readonly Frame[]) => frames.map(({ id }) => id);
    expect(ids(subscriber.messages).sort()).toEqual(acknowledged.sort());
    expect(subscriber.messages.map(({ offset }) => offset)).toEqual(acknowledged.map((_, at) => at + 1));
    subscriber.close();
    expect(await server.exited).toBe(0);
  });
});
