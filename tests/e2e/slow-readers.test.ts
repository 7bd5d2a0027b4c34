import { expect, test } from "bun:test";
import { testIf } from "../test-if.ts";
import { defaultTimeoutMs } from "../waiting.ts";
import { RawEventStream } from "./raw-event-stream.ts";
import { frame, opcode, RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import type { Frame } from "./socket.ts";

const isLong = process.env.FANFARE_LONG === "1";
const kib = 1024;
const mib = 1024 ** 2;
/** The bytes that a socket may buffer until it counts as full, plus one flush. */
const maxHeldBytes = 64 * kib + 256 * kib;

/** The engine checks for sockets without progress at this interval. */
const engineClockMs = 4000;

/** A member of `room` that checks what it receives: each offset once and in order, or a gap in its place. */
class Follower<T extends RawWebSocket | RawEventStream = RawWebSocket> implements Disposable {
  readonly raw: T;
  readonly gaps: { readonly from: number; readonly to: number }[] = [];
  /** Messages out of order. */
  readonly faults: string[] = [];
  messages = 0;
  /** Everything up to here arrived or was reported as missing. */
  at: number;

  /** @param at the last offset that it already has */
  private constructor(raw: T, at = 0) {
    this.raw = raw;
    this.at = at;
    raw.onText = (payload) => this.#receive(payload);
  }

  /** @param more further query parameters; with `since` it starts at its first message */
  static async open({ port }: ServerUnderTest, more = ""): Promise<Follower> {
    const raw = await RawWebSocket.open(port, `/ws?channel=room${more}`);
    await raw.untilText(/welcome/);
    const early = raw.texts.filter((it) => !it.includes("welcome"));
    const follower = new Follower(raw);
    for (const it of early) follower.#receive(Buffer.from(it));
    return follower;
  }

  static async stream({ port }: ServerUnderTest): Promise<Follower<RawEventStream>> {
    const raw = await RawEventStream.open(port, "/sse?channel=room");
    await raw.untilText(/welcome/);
    return new Follower(raw);
  }

  /** Continues where another stream ended, as a browser does. */
  static async resume({ port }: ServerUnderTest, { raw, at }: Follower<RawEventStream>) {
    const headers = `Last-Event-ID: ${raw.lastEventId}\r\n`;
    // Missed messages may arrive with the response headers, so it listens before there are any.
    const { promise, resolve } = Promise.withResolvers<Follower<RawEventStream>>();
    await RawEventStream.open(port, "/sse?channel=room", headers, (next) => resolve(new Follower(next, at)));
    return promise;
  }

  untilAt(offset: number, timeoutMs = defaultTimeoutMs): Promise<void> {
    return this.raw.socket.until(() => this.at >= offset, timeoutMs);
  }

  [Symbol.dispose](): void {
    this.raw[Symbol.dispose]();
  }

  #receive(payload: Buffer): void {
    const offset = /^\{"type":"message","channel":"room","offset":(\d+)/.exec(payload.toString("latin1", 0, 80))?.[1];
    if (offset !== undefined) {
      this.messages++;
      this.#advance(Number(offset), Number(offset));
      return;
    }
    const { event, from, to } = JSON.parse(payload.toString()) as Frame;
    if (event !== "gap") return;
    this.gaps.push({ from: Number(from), to: Number(to) });
    this.#advance(Number(from), Number(to));
  }

  #advance(from: number, to: number): void {
    if (from !== this.at + 1 || to < from) this.faults.push(`${from} to ${to} after ${this.at}`);
    this.at = to;
  }
}

interface Load {
  readonly count: number;
  readonly bytes: number;
  /** Undefined: as fast as they are acknowledged. */
  readonly perSecond?: number;
}

/** Publishes to `room`, with at most 100 in flight. Resolves once all are acknowledged. */
async function publish({ port }: ServerUnderTest, { count, bytes, perSecond = Number.POSITIVE_INFINITY }: Load) {
  using raw = await RawWebSocket.open(port, "/ws");
  const command = JSON.stringify({ type: "publish", channel: "room", message: "x".repeat(bytes) });
  let acknowledged = 0;
  raw.onText = (payload) => {
    if (payload.toString("latin1", 0, 13) === '{"type":"ack"') acknowledged++;
  };
  const began = performance.now();
  for (let sent = 0; acknowledged < count; ) {
    const due = Math.min(count, ((performance.now() - began) / 1000) * perSecond);
    for (; sent < due && sent - acknowledged < 100; sent++) raw.send(command);
    await Bun.sleep(5);
  }
}

const metricsOf = async (server: ServerUnderTest) =>
  (await (await server.request("GET", "/metrics")).json()) as Record<string, number>;

/** Waits until this many connections lag behind a full socket, and none has more buffered than a socket's limit and one flush. */
async function checkHeldBack(server: ServerUnderTest, count: number): Promise<void> {
  const held: number[] = [];
  for (let page: unknown = "0"; page !== undefined; ) {
    const answer = (await (await server.request("GET", `/v1/connections?page=${page}`)).json()) as Frame;
    const connections = answer.connections as { is_lagging: boolean; buffered_bytes: number }[];
    held.push(...connections.flatMap((it) => (it.is_lagging ? [it.buffered_bytes] : [])));
    page = answer.next_page;
  }
  expect(held).toHaveLength(count);
  for (const bytes of held) expect(bytes).toBeWithin(1, maxHeldBytes);
}

/** The server's highest memory use during an operation. */
async function peakMemory(server: ServerUnderTest, during: Promise<unknown>): Promise<number> {
  let peak = 0;
  let isOver = false;
  const over = during.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    peak = Math.max(peak, Number((await metricsOf(server)).memory_bytes));
    await Promise.race([over, Bun.sleep(250)]);
  }
  await over;
  return peak;
}

const openFollowers = (server: ServerUnderTest, count: number) =>
  Promise.all(Array.from({ length: count }, () => Follower.open(server)));

test("a hundred clients that stop reading affect nobody, use bounded memory, and resume exactly where they left off", async () => {
  const env = { NOTICES: "off", MESSAGE_RATE: "0", HISTORY_SIZE: "100000", HISTORY_BYTES: "32MiB" };
  await using server = await startServer({ env });
  const [healthy, stuck] = [await openFollowers(server, isLong ? 1000 : 40), await openFollowers(server, 100)];
  for (const it of stuck) it.raw.socket.pause();
  const before = Number((await metricsOf(server)).memory_bytes);
  // 6 MB for each. The kernel takes about 4 MB for a reader that does not read.
  const load = { count: 6000, bytes: kib, perSecond: 1000 };
  const peak = await peakMemory(server, publish(server, load));
  await Promise.all(healthy.map((it) => it.untilAt(load.count)));
  for (const it of healthy) expect([it.faults, it.gaps, it.messages]).toEqual([[], [], load.count]);
  await checkHeldBack(server, stuck.length);

  // The sockets, the history and its copy for lagging clients, and room for garbage. Without a limit it would be
  // the 2 MB per reader that the kernel did not take.
  const bound = stuck.length * maxHeldBytes + 2 * 32 * mib + 64 * mib;
  expect(peak - before).toBeLessThan(bound);

  for (const it of stuck) it.raw.socket.resume();
  await Promise.all(stuck.map((it) => it.untilAt(load.count)));
  for (const it of stuck) expect([it.faults, it.gaps, it.messages]).toEqual([[], [], load.count]);
  await checkHeldBack(server, 0);
  for (const it of [...healthy, ...stuck]) it[Symbol.dispose]();
});

test("a client that is too slow for the history gets a gap with exact ends, and then the available messages", async () => {
  await using server = await startServer({ env: { NOTICES: "off", MESSAGE_RATE: "0" } });
  const stuck = await openFollowers(server, 20);
  using healthy = await Follower.open(server);
  for (const it of stuck) it.raw.socket.pause();
  // 10 MB with a history of one.
  const load = { count: 1250, bytes: 8 * kib };
  await publish(server, load);
  await healthy.untilAt(load.count);
  expect([healthy.faults, healthy.gaps]).toEqual([[], []]);
  for (const it of stuck) it.raw.socket.resume();
  await Promise.all(stuck.map((it) => it.untilAt(load.count)));
  for (const it of stuck) {
    const missing = it.gaps.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    expect([it.faults, it.gaps.length, it.messages + missing]).toEqual([[], 1, load.count]);
    it[Symbol.dispose]();
  }
  expect((await metricsOf(server)).gaps_total).toBe(stuck.length);
});

test("a client that was behind when it was closed, and reads nothing for seconds, still receives all that was sent and the reason", async () => {
  await using server = await startServer({ env: { NOTICES: "off", MESSAGE_RATE: "0" } });
  using stuck = await Follower.open(server, "&user_id=stuck");
  stuck.raw.socket.pause();
  await publish(server, { count: 1000, bytes: 8 * kib });
  await checkHeldBack(server, 1);
  expect(await (await server.request("DELETE", "/v1/users/stuck/connections")).json()).toEqual({ closed: 1 });
  await Bun.sleep(engineClockMs + 100);
  stuck.raw.socket.resume();
  expect(await stuck.raw.untilClosed()).toBe(4504);
  expect([stuck.faults, stuck.gaps]).toEqual([[], []]);
});

test("a client without progress for SLOW_TIMEOUT is closed with 4008; one that keeps reading is not", async () => {
  await using server = await startServer({ env: { NOTICES: "off", MESSAGE_RATE: "0", SLOW_TIMEOUT: "2s" } });
  using stuck = await Follower.open(server);
  using late = await Follower.open(server);
  using healthy = await Follower.open(server);
  stuck.raw.socket.pause();
  late.raw.socket.pause();
  await publish(server, { count: 1000, bytes: 8 * kib });
  late.raw.socket.resume();
  await late.untilAt(1000);
  await server.untilLogged(/Client closed: .* \(4008\)/);
  stuck.raw.socket.resume();
  expect(await stuck.raw.untilClosed()).toBe(4008);
  expect(stuck.faults).toEqual([]);
  await publish(server, { count: 1, bytes: 1 });
  await Promise.all([late.untilAt(1001), healthy.untilAt(1001)]);
  expect([late.raw.closeCode, late.faults, healthy.faults, healthy.gaps]).toEqual([undefined, [], [], []]);
});

/** Reads what has arrived, at most half a megabyte, and no more until the next step. */
function readInSteps({ raw: { socket } }: Follower<RawWebSocket | RawEventStream>, stepMs: number) {
  const take = socket.onData;
  socket.onData = (chunk) => {
    take?.(chunk);
    socket.pause();
  };
  const steps = setInterval(() => socket.resume(), stepMs);
  return () => {
    clearInterval(steps);
    socket.onData = take;
    socket.resume();
  };
}

testIf(process.platform === "linux", "it needs Linux").each(["WebSocket", "stream"] as const)(
  "a %s that reads steadily is not closed while the kernel still holds what it reads; one that reads nothing is",
  async (kind) => {
    const env = { NOTICES: "off", MESSAGE_RATE: "0", SLOW_TIMEOUT: "4s", HISTORY_BYTES: "32MiB" };
    await using server = await startServer({ env });
    const open = () => (kind === "stream" ? Follower.stream(server) : Follower.open(server));
    using stuck = await open();
    using steady = await open();
    stuck.raw.socket.pause();
    // The kernel reports room after about a third of its buffer of 4 MB was read: here in six seconds.
    const readFreely = readInSteps(steady, 2000);
    const count = 1000;
    await publish(server, { count, bytes: 8 * kib });
    await server.untilLogged(/Client closed: .* \(4008\)/);
    // On a busy machine a step may read much less than half a megabyte.
    await steady.raw.socket.until(() => steady.raw.socket.bytesReceived > 3 * mib, 2 * defaultTimeoutMs);
    readFreely();
    await steady.untilAt(count);
    expect([steady.faults, steady.gaps, steady.messages]).toEqual([[], [], count]);
    expect(server.output.match(/\(4008\)/g)).toHaveLength(1);
  },
  4 * defaultTimeoutMs,
);

/** The bytes that are buffered for each connection, and whether it lags. */
async function heldBy(server: ServerUnderTest): Promise<readonly { buffered_bytes: number; is_lagging: boolean }[]> {
  const answer = (await (await server.request("GET", "/v1/connections")).json()) as Frame;
  return answer.connections as { is_lagging: boolean; buffered_bytes: number }[];
}

test.each(["WebSocket", "stream"] as const)(
  "a %s with few bytes buffered is closed after SLOW_TIMEOUT too",
  async (kind) => {
    await using server = await startServer({ env: { NOTICES: "off", MESSAGE_RATE: "0", SLOW_TIMEOUT: "2s" } });
    using stuck = kind === "stream" ? await Follower.stream(server) : await Follower.open(server);
    stuck.raw.socket.pause();
    const waits = async () => (await heldBy(server)).some((it) => it.buffered_bytes > 0);
    // Only until the kernel accepts no more, since bytes that a stream has handed over cannot be counted.
    for (let sent = 0; sent < 2000 && !(await waits()); sent++) await publish(server, { count: 1, bytes: 30 * kib });
    const held = (await heldBy(server)).find((it) => it.buffered_bytes > 0);
    expect(held?.buffered_bytes).toBeWithin(1, 64 * kib);
    expect(held?.is_lagging).toBe(false);
    await server.untilLogged(/Client closed: .* \(4008\)/);
  },
);

test.each(["WebSocket", "stream"] as const)(
  "the total of buffered bytes is limited: each reader a %s that reads nothing",
  async (kind) => {
    const env = {
      NOTICES: "off",
      MESSAGE_RATE: "0",
      SEND_BUFFER_BYTES: "1MiB",
      SLOW_TIMEOUT: "10m",
      HISTORY_BYTES: "64MiB",
    };
    await using server = await startServer({ env });
    const open = () => (kind === "stream" ? Follower.stream(server) : Follower.open(server));
    const stuck = await Promise.all(Array.from({ length: 30 }, open));
    using healthy = await Follower.open(server);
    for (const it of stuck) it.raw.socket.pause();
    const count = 200;
    for (let sent = 0; sent < count; sent += 10) {
      await publish(server, { count: 10, bytes: 60 * kib });
      const all = (await heldBy(server)).reduce((sum, { buffered_bytes }) => sum + buffered_bytes, 0);
      expect(all).toBeLessThanOrEqual(mib + maxHeldBytes);
    }
    await healthy.untilAt(count);
    expect([healthy.faults, healthy.gaps]).toEqual([[], []]);
    await server.untilLogged(/Client closed: .*the send buffers are full and this client is reading slowest \(4008\)/);
    for (const it of stuck) it[Symbol.dispose]();
  },
);

test("pings of a client that reads no pongs count as frames, and use bounded memory if frames are not limited", async () => {
  await using limited = await startServer({ env: { NOTICES: "off" } });
  await using unlimited = await startServer({ env: { NOTICES: "off", MESSAGE_RATE: "0", SLOW_TIMEOUT: "2s" } });
  const pings = Buffer.concat(Array.from({ length: 1000 }, () => frame(opcode.ping, Buffer.alloc(125))));
  using polite = await RawWebSocket.open(limited.port, "/ws");
  polite.socket.write(pings);
  expect(await polite.untilClosed()).toBe(4029);
  using flooding = await RawWebSocket.open(unlimited.port, "/ws");
  flooding.socket.pause();
  let most = 0;
  // 25 MB of pongs, of which the kernel takes some.
  for (let batch = 0; batch < 200; batch++) {
    flooding.socket.write(pings);
    for (const { buffered_bytes } of await heldBy(unlimited)) most = Math.max(most, buffered_bytes);
  }
  expect(most).toBeWithin(1, 3 * mib);
  await unlimited.untilLogged(/Client closed: .* \(4008\)/);
});

test.each([
  ["pongs", frame(opcode.pong, Buffer.alloc(0))],
  ["messages", frame(opcode.text, Buffer.from("x".repeat(10_000)))],
])("a client that never stops sending %s is cut off, and the server does not read on", async (_, flood) => {
  await using server = await startServer({ env: { NOTICES: "off" } });
  using client = await RawWebSocket.open(server.port, "/ws");
  const batch = Buffer.concat(Array.from({ length: Math.ceil(mib / flood.length) }, () => flood));
  let sent = 0;
  for (; !client.socket.isEnded && sent < 512 * mib; sent += batch.length) {
    client.socket.write(batch);
    await client.socket.untilWritten();
  }
  expect(client.socket.isEnded).toBe(true);
  expect(client.closeCode).toBeOneOf([undefined, 4029]); // the connection is reset, and the close may not arrive before that
  expect(sent).toBeLessThan(256 * mib); // of the 512 that it would send
  await server.untilLogged(/Client closed: .*too many .* \(4029\)/);
});

test("streams that are not read resume exactly where they left off", async () => {
  const env = { NOTICES: "off", MESSAGE_RATE: "0", HISTORY_SIZE: "100000", HISTORY_BYTES: "32MiB" };
  await using server = await startServer({ env });
  const streams = await Promise.all(Array.from({ length: 60 }, () => Follower.stream(server)));
  const stuck = streams.slice(30);
  for (const it of stuck) it.raw.socket.pause();
  const load = { count: 1500, bytes: 5 * kib };
  await publish(server, load);
  await Promise.all(streams.slice(0, 30).map((it) => it.untilAt(load.count)));
  await checkHeldBack(server, stuck.length);
  for (const it of stuck) it.raw.socket.resume();
  await Promise.all(stuck.map((it) => it.untilAt(load.count)));
  for (const it of streams) {
    expect([it.faults, it.gaps, it.messages]).toEqual([[], [], load.count]);
    it[Symbol.dispose]();
  }
});

test("a stream without progress for SLOW_TIMEOUT ends with a reconnect time, and resumes from its cursor", async () => {
  const env = { NOTICES: "off", MESSAGE_RATE: "0", SLOW_TIMEOUT: "2s", HISTORY_SIZE: "100000", HISTORY_BYTES: "32MiB" };
  await using server = await startServer({ env });
  using stuck = await Follower.stream(server);
  stuck.raw.socket.pause();
  await publish(server, { count: 1500, bytes: 5 * kib });
  await server.untilLogged(/Client disconnected/);
  await server.untilLogged(/Client closed: .* \(4008\)/);
  stuck.raw.socket.resume();
  await stuck.raw.socket.until(() => stuck.raw.isComplete);
  expect(Number(stuck.raw.retry)).toBeGreaterThan(0);
  expect([stuck.faults, stuck.gaps, stuck.at < 1500]).toEqual([[], [], true]);
  using next = await Follower.resume(server, stuck);
  await next.untilAt(1500);
  expect([next.faults, next.gaps, stuck.messages + next.messages]).toEqual([[], [], 1500]);
});

test("control: a server that lets cursors read beyond the flushed messages delivers twice, and the followers notice", async () => {
  const env = { NOTICES: "off", MESSAGE_RATE: "0", HISTORY_SIZE: "100000", HISTORY_BYTES: "32MiB" };
  await using server = await startServer({ env, main: "tests/faults/broken/level-at-head.ts" });
  const publishing = publish(server, { count: 2000, bytes: 100, perSecond: 1000 });
  const followers: Follower[] = [];
  // Each catches up while messages wait for the next flush. That is when the rule about cursors matters.
  while (followers.length < 200 && followers.every(({ faults }) => faults.length === 0)) {
    followers.push(await Follower.open(server, "&since=earliest"));
  }
  await publishing;
  expect(followers.some(({ faults }) => faults.length > 0)).toBe(true);
  for (const it of followers) it[Symbol.dispose]();
});
