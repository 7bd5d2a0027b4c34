import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../client/client.ts";
import { makeToken } from "../../server/auth/token.ts";
import { PresenceWatcher } from "../presence/watcher.ts";
import { eventually } from "../waiting.ts";
import { startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

const room = "room:1";
const config = 'channels: [{ match: "room:*", presence: on, presence_events: on, subscribe: anyone }]';
const flags = ["--workers", "3"];
const noRates = { PRESENCE_RATE: "0", MESSAGE_RATE: "0" };

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "fanfare-presence-workers-"));
  writeFileSync(join(cwd, "fanfare.config.yaml"), config);
});
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Users and connections of one worker, by its process. */
async function byWorker(server: { request(method: string, path: string): Promise<Response> }) {
  const { nodes } = (await (await server.request("GET", "/v1/nodes")).json()) as { nodes: readonly Frame[] };
  return nodes.filter(({ name }) => String(name).startsWith("worker"));
}

async function connectionsOf(server: { request(method: string, path: string): Promise<Response> }): Promise<number> {
  const answer = (await (await server.request("GET", "/v1/connections")).json()) as { connections: readonly Frame[] };
  return answer.connections.length;
}

test("three workers, one of them killed: its clients have left, the others stay, and streams are told the same", async () => {
  await using server = await startServer({ cwd, flags, env: noRates });
  const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
  const sockets = await Promise.all(
    Array.from({ length: 24 }, (_, n) => SocketUnderTest.open(`${server.wsUrl}?user_id=u${n}&channel=${room}`)),
  );
  using stream = await StreamUnderTest.open(`${server.url}/sse?user_id=stream&channel=${room}`);
  using watcher = await PresenceWatcher.open(server.wsUrl, room);
  await eventually(async () => expect(await watcher.users()).toHaveLength(25));
  const before = watcher.told.length;
  const victim = Number(pids.split(", ")[0]);
  process.kill(victim, "SIGKILL");
  await eventually(async () => {
    const closed = sockets.filter((it) => it.closed !== undefined).length;
    if (watcher.socket.closed !== undefined) return; // it was the watcher's own worker
    expect(closed).toBeGreaterThan(0);
    expect(await watcher.users()).toHaveLength(25 - closed - (stream.isEnded ? 1 : 0));
  });
  const gone = sockets.flatMap((it, n) => (it.closed === undefined ? [] : [`u${n}`]));
  // A connection that the dying worker had accepted, but not answered, is closed.
  let opened: PresenceWatcher | undefined;
  await eventually(async () => {
    opened = await PresenceWatcher.open(server.wsUrl, room);
  });
  using another = opened ?? expect.unreachable();
  await eventually(async () => {
    const expected = sockets.flatMap((it, n) => (it.closed === undefined ? [`u${n}`] : []));
    const open = (await another.users()).filter((it) => it.startsWith("u"));
    expect(open.toSorted()).toEqual(expected.toSorted());
  });
  if (watcher.socket.closed === undefined) {
    const told = watcher.told.slice(before).filter((it) => /^left u/.test(it));
    expect(told.toSorted()).toEqual(gone.map((it) => `left ${it}`).toSorted());
  }
  if (!stream.isEnded) {
    for (const user of gone) await stream.until((it) => it.event === "left" && it.user_id === user);
  }
  expect([...watcher.observer.faults, ...another.observer.faults]).toEqual([]);
  expect((await byWorker(server)).length).toBeGreaterThanOrEqual(2);
  for (const it of sockets) it[Symbol.dispose]();
});

test("a client that moves between workers, and a stream that resumes, neither leave nor join", async () => {
  await using server = await startServer({ cwd, flags, env: noRates });
  using watcher = await PresenceWatcher.open(server.wsUrl, room);
  let mover = await SocketUnderTest.open(`${server.wsUrl}?user_id=mover&channel=${room}`);
  let stream = await StreamUnderTest.open(`${server.url}/sse?user_id=stream&channel=${room}`);
  let guest = await StreamUnderTest.open(`${server.url}/sse?channel=${room}`);
  await eventually(async () => expect(await watcher.users()).toEqual(["-", "mover", "stream"]));
  const before = watcher.told.length;
  for (let times = 0; times < 8; times++) {
    const takesOver = `takes_over=${encodeURIComponent(String(mover.welcome.resume_key))}`;
    const next = await SocketUnderTest.open(`${server.wsUrl}?user_id=mover&channel=${room}&${takesOver}`);
    await mover.untilClosed();
    mover = next;
    const [{ lastEventId }, { lastEventId: guestId }] = [stream, guest];
    stream[Symbol.dispose]();
    guest[Symbol.dispose]();
    // As an EventSource, which waits before it reconnects: by then the server knows that the stream has ended.
    await eventually(async () => expect(await connectionsOf(server)).toBe(2));
    stream = await StreamUnderTest.open(`${server.url}/sse?user_id=stream&channel=${room}`, {
      "Last-Event-ID": lastEventId,
    });
    guest = await StreamUnderTest.open(`${server.url}/sse?channel=${room}`, { "Last-Event-ID": guestId });
  }
  using last = await SocketUnderTest.open(`${server.wsUrl}?user_id=last&channel=${room}`);
  await watcher.socket.until((it) => it.event === "joined" && it.user_id === "last");
  last.close();
  // The last one leaves after its grace, so those before it would have left by then.
  await watcher.socket.until((it) => it.event === "left" && it.user_id === "last");
  expect(watcher.told.slice(before)).toEqual(["joined last", "left last"]);
  expect(await watcher.users()).toEqual(["-", "mover", "stream"]);
  expect(watcher.observer.faults).toEqual([]);
  for (const it of [mover, stream, guest]) it[Symbol.dispose]();
});

test("clients neither leave nor join during a rolling reload: every SDK client always sees all of them", async () => {
  await using server = await startServer({ cwd, flags, env: { ...noRates, DRAIN_WINDOW: "2s" } });
  const count = 15;
  const shown: number[][] = [];
  const clients = Array.from({ length: count }, (_, n) => {
    // Every third one over an event stream, with requests that reach any worker.
    const client = createClient(server.url, { userId: `u${n}`, transports: [n % 3 === 2 ? "sse" : "websocket"] });
    const sizes: number[] = [];
    shown.push(sizes);
    client.channel(room).on("presence", ({ members }) => void sizes.push(members.length));
    return client;
  });
  const last = (sizes: readonly number[]) => sizes.at(-1);
  await eventually(() => expect(shown.map(last)).toEqual(shown.map(() => count)));
  const settled = shown.map(({ length }) => length);
  server.signal("SIGHUP");
  await server.untilLogged(/Reload 1 is done: 15 client\(s\) moved/);
  await eventually(async () => expect(await connectionsOf(server)).toBe(count));
  // Once the grace period of the clients that moved is over, the answer is still right.
  using visitor = await PresenceWatcher.open(server.wsUrl, room);
  expect(await visitor.users()).toHaveLength(count);
  visitor.socket.close();
  await eventually(() => expect(shown.every((it, n) => it.slice(settled[n]).includes(count + 1))).toBe(true));
  await eventually(() => expect(shown.map(last)).toEqual(shown.map(() => count)));
  const sizes = new Set(shown.flatMap((it, n) => it.slice(settled[n])));
  expect([...sizes].toSorted()).toEqual([count, count + 1]);
  for (const it of clients) it.close();
});

test("others see the claim `info` of a token, and a token whose `info` is too large is refused", async () => {
  const secret = "a secret of thirty-two bytes or more";
  await using server = await startServer({ cwd, env: { JWT_SECRET: secret } });
  const tokenOf = (sub: string, info?: unknown) =>
    makeToken({ secret, sub, subscribe: ["room:*"], publish: [], expiresInS: 60, info });
  const open = async (sub: string, info?: unknown) =>
    SocketUnderTest.open(`${server.wsUrl}?channel=${room}&token=${await tokenOf(sub, info)}`);
  const info = { name: "Älice", picture: "https://example.org/a.png", n: 1 };
  using bob = await open("bob");
  using alice = await open("alice", info);
  expect(await bob.until((it) => it.user_id === "alice")).toMatchObject({ event: "joined", info });
  const path = `/v1/channels/${encodeURIComponent(room)}/presence`;
  const headers = { Authorization: `Bearer ${await tokenOf("bob")}` };
  const answer = (await (await server.request("GET", path, undefined, headers)).json()) as Frame;
  expect(answer).toMatchObject({ count: 2, position: 2, members: [{ user_id: "alice", info }, { user_id: "bob" }] });
  expect((answer.members as Frame[])[1]).not.toHaveProperty("info");
  const large = await tokenOf("carol", "x".repeat(1023));
  const refused = await server.request("GET", path, undefined, { Authorization: `Bearer ${large}` });
  expect([refused.status, ((await refused.json()) as Frame).detail]).toEqual([
    401,
    "the token's claim info: expected at most 1024 bytes of JSON, got 1025",
  ]);
  alice.close();
});
