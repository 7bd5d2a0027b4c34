import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { StreamUnderTest } from "../e2e/stream.ts";
import { EventSources } from "./event-sources.ts";
import { haproxy } from "./haproxy.ts";
import { nginx } from "./nginx.ts";
import { checkRecipe, freePort, type ProxyKind, ProxyUnderTest } from "./proxy-under-test.ts";

const streams = 60;

/** A server that stops and restarts on the same port, with its history. */
class ReturningServer implements AsyncDisposable {
  readonly port = freePort();
  readonly #folder = mkdtempSync(join(tmpdir(), "fanfare-streams-"));
  readonly #flags: readonly string[];
  #server: ServerUnderTest | undefined;
  #sent = 0;

  constructor(flags: readonly string[]) {
    this.#flags = flags;
  }

  async start(): Promise<void> {
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
])("the recipe for %s", (_, kind) => {
  test("is a complete file that the proxy accepts", async () => {
    const { code, said } = await checkRecipe(kind);
    expect([code, said]).toEqual([0, expect.not.stringMatching(/warn|deprecat/i)]);
  });

  // They run at the same time, because most of the time is spent waiting for retries.
  test.concurrent.each([
    ["one process", []],
    ["workers", ["--workers", "2"]],
  ])(
    "ends no EventSource for good while a server of %s restarts",
    async (_how, flags) => {
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
        // An outage in which each of them retries, and only the proxy answers.
        await sources.untilAnsweredAgain();
        const isBack = sources.untilWelcomedAgain();
        await server.start();
        sent = await server.publish(); // before most of them have reconnected
        await isBack;
        await sources.untilHeard(sent);
      }
      expect([sources.dead, sources.faults(sent)]).toEqual([0, []]);
    },
    60_000,
  );
});

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
}, 60_000);
