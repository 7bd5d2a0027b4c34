import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/free-port.js";
import { apiKey, jwtSecret, tokenOf } from "../e2e/healthy-users.ts";
import { RawEventStream } from "../e2e/raw-event-stream.ts";
import { RawWebSocket } from "../e2e/raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { SocketUnderTest } from "../e2e/socket.ts";
import { StreamUnderTest } from "../e2e/stream.ts";
import { eventually } from "../waiting.ts";
import { caddy } from "./caddy.ts";
import { EventSources } from "./event-sources.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { checkRecipe, type ProxyKind, ProxyUnderTest } from "./proxy-under-test.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const streams = 30;

/** A server that stops and restarts on the same port, with its history. */
class ReturningServer implements AsyncDisposable {
  port = 0;
  readonly #folder = mkdtempSync(join(tmpdir(), "fanfare-streams-"));
  readonly #flags: readonly string[];
  #server: ServerUnderTest | undefined;
  #sent = 0;

  constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  async start(): Promise<void> {
    this.port ||= await freePort();
    const leaving = { SHUTDOWN_TIMEOUT: "10s", DRAIN_WINDOW: "300ms", DRAIN_MODE: "move" };
    this.#server = await startServer({
      env: { DATA_DIR: this.#folder, NOTICES: "off", ...leaving },
      flags: [...this.#flags, "--port", String(this.port)],
    });
  }

  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#server?.signal(signal);
    await this.#server?.exited;
    await this.#server?.[Symbol.asyncDispose]();
  }

  /** @returns its number */
  async publish(): Promise<number> {
    const data = ++this.#sent;
    await this.#server?.request("POST", "/v1/publish", { channel: "room", data });
    return data;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Waits until the proxy reports the server as down, so that its health check, if it has one, has noticed. */
async function untilAway(proxy: ProxyUnderTest): Promise<void> {
  for (let inRow = 0; inRow < 3; ) {
    const { status } = await fetch(`${proxy.url}/readyz`);
    inRow = status >= 500 ? inRow + 1 : 0;
  }
}

describe.each([
  ["HAProxy", haproxy],
  ["nginx", nginx],
  ["Caddy", caddy],
])("the recipe for %s", (_, kind) => {
  test.concurrent("is a complete file that the proxy accepts", async () => {
    const { code, output } = await checkRecipe(kind);
    expect([code, output]).toEqual([0, expect.not.stringMatching(/warn|deprecat/i)]);
  });

  test.concurrent("passes WebSockets and streams, and the server notices at once that their clients left", async () => {
    // Neither a ping, nor the end of a stream's lifetime, nor a comment may be what notices it.
    const env = { NOTICES: "off", WS_PING_INTERVAL: "15m", STREAM_LIFETIME: "0", TRUSTED_PROXIES: "127.0.0.1" };
    await using server = await startServer({ env });
    await using proxy = await ProxyUnderTest.start(kind, server.port);
    using socket = await SocketUnderTest.open(`${proxy.url.replace("http", "ws")}/ws?channel=room`);
    using stream = await StreamUnderTest.open(`${proxy.url}/sse?channel=room&heartbeat=120`);
    socket.send({ type: "publish", channel: "room", message: "to both" });
    for (const it of [socket, stream]) await it.until(({ message }) => message === "to both");
    const port = Number(new URL(proxy.url).port);
    const vanishing = [await RawWebSocket.open(port, "/ws"), await RawEventStream.open(port, "/sse?heartbeat=120")];
    const count = async () =>
      ((await (await server.request("GET", "/health")).json()) as { connections: number }).connections;
    await eventually(async () => expect(await count()).toBe(4));
    for (const it of [socket, stream, ...vanishing]) it[Symbol.dispose]();
    await eventually(async () => expect(await count()).toBe(0));
  });

  test.concurrent("says whether the client used https, whatever the client says, so that the cookie is Secure", async () => {
    const env = { API_KEY: apiKey, JWT_SECRET: jwtSecret, TRUSTED_PROXIES: "127.0.0.1" };
    await using server = await startServer({ env });
    await using proxy = await ProxyUnderTest.start(kind, server.port);
    const headers = { Authorization: `Bearer ${await tokenOf("alice")}` };
    const cookieFrom = async (url: string, init: BunFetchRequestInit) =>
      (await fetch(`${url}/v1/session`, { method: "POST", ...init })).headers.get("Set-Cookie");
    const forged = { ...headers, "X-Forwarded-Proto": "https" };
    expect(await cookieFrom(proxy.url, { headers: forged })).toStartWith("fanfare=");
    const { url, ...socket } = proxy.tls;
    // A proxy that makes its own certificate may listen before it has one.
    await eventually(async () => {
      const cookie = await cookieFrom(url, { headers, ...socket, tls: { rejectUnauthorized: false } });
      expect(cookie).toStartWith("__Host-fanfare=");
      expect(cookie).toContain("Secure");
    });
  });

  // All run at the same time, because most of the time is spent waiting for retries.
  test.concurrent.each([
    ["one process", [] as readonly string[]],
    ...(isLong ? [["workers", ["--workers", "2"]] as const] : []),
  ])("ends no EventSource for good while a server of %s restarts", async (_how, flags) => {
    await using server = new ReturningServer(flags);
    await server.start();
    await using proxy = await ProxyUnderTest.start(kind, server.port);
    using sources = new EventSources(`${proxy.url}/sse?channel=room`, streams);
    await sources.untilWelcomedAgain();
    await sources.untilHeard(await server.publish());
    let sent = 1;
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      await server.end(signal);
      await untilAway(proxy);
      await expectReadable(`${proxy.url}/sse?channel=room`);
      // An outage in which each of them retries, and only the proxy answers.
      await sources.untilAnsweredAgain();
      const isBack = sources.untilWelcomedAgain();
      await server.start();
      sent = await server.publish(); // before most of them have reconnected
      await isBack;
      await sources.untilHeard(sent);
    }
    expect([sources.dead, sources.faults(sent)]).toEqual([0, []]);
  });
});

/** A page of another origin that sends its cookie can read the answer of the proxy. If not, its EventSource ends for good. */
async function expectReadable(url: string): Promise<void> {
  const origin = "https://app.test";
  const { status, headers } = await fetch(url, { headers: { Origin: origin } });
  const allowed = ["Origin", "Credentials"].map((it) => headers.get(`Access-Control-Allow-${it}`));
  expect([status, ...allowed]).toEqual([200, origin, "true"]);
}

/** How long this many messages of a stream take through a proxy, each published when the one before it has arrived. */
async function timeOfMessages(kind: ProxyKind, count: number): Promise<number> {
  await using server = await startServer({ env: { NOTICES: "off" } });
  await using proxy = await ProxyUnderTest.start(kind, server.port);
  using stream = await StreamUnderTest.open(`${proxy.url}/sse?channel=room`);
  const startedAt = performance.now();
  for (let sent = 1; sent <= count; sent++) {
    await server.request("POST", "/v1/publish", { channel: "room", data: sent });
    await stream.untilMessages(sent);
  }
  return performance.now() - startedAt;
}

test("HAProxy forwards each message of a stream at once, and delays it without `option http-no-delay`", async () => {
  const without: ProxyKind = {
    ...haproxy,
    replacements: (place) => [...haproxy.replacements(place), ["  option http-no-delay\n", ""]],
  };
  const heldBackMs = await timeOfMessages(without, 10); // 200 ms each
  expect(await timeOfMessages(haproxy, 10)).toBeLessThan(heldBackMs / 2);
});
