import { afterEach, expect, test } from "bun:test";
import { readMemory } from "../../bench/fanout/process-usage.ts";
import { type interfaces, publishThrough } from "../../bench/memory/interfaces.ts";
import { engineEnv } from "../../bin/engine-env.js";
import { RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const mib = 1024 ** 2;
/** Two thirds of it are filled with history, so publishing as much as the bound evicts some of it. */
const bound = 64 * mib;
/** The memory that docs/operate.md allows each process for compiled code and garbage. */
const perProcess = 64 * mib;
/** The memory that it allows each worker for the recent messages of subscribed channels. */
const perWorker = bound / 2;
/** Published before the server counts as idle, since the memory of compiled code is not history. */
const warmUp = 3 * mib;

let server: ServerUnderTest | undefined;
afterEach(() => server?.[Symbol.asyncDispose]());

/**
 * Batches used to make a server hold the most memory, because what it keeps was cut out of much larger requests. Chat messages
 * go to a channel with subscribers, so they are also kept for delivery.
 */
test.each<[name: string, keyof typeof interfaces, workers: number]>([
  ["one process, by batch", "batch", 0],
  ["one process, by chat", "chat", 0],
  ["two workers, by chat", "chat", 2],
])(
  "after publishing beyond the bound to %s, a server holds no more than docs/operate.md allows",
  async (_, connection, workers) => {
    server = await startServer({
      env: {
        ...engineEnv,
        HISTORY_BYTES_TOTAL: String(bound),
        HISTORY_BYTES: String(bound),
        HISTORY_SIZE: "1000000",
        MESSAGE_RATE: "0",
        CLIENT_SHARE: "100", // one WebSocket publishes everything
        NOTICES: "off",
        ...(workers === 0 ? {} : { WORKERS: String(workers) }),
      },
    });
    const { port, pid } = server;
    using _subscribers = await subscribe(port, 6); // some in each worker
    await publishThrough(connection, port, warmUp);
    const idle = readMemory(pid).rss;
    let most = 0;
    const sampling = setInterval(() => {
      most = Math.max(most, readMemory(pid).rss);
    }, 100);
    try {
      await publishThrough(connection, port, bound);
    } finally {
      clearInterval(sampling);
    }
    expect(most).toBeGreaterThan(idle + bound / 4);
    expect(most).toBeLessThan(idle + 1.5 * bound + workers * perWorker + (workers + 1) * perProcess);
  },
  600_000,
);

/** Connections that read everything. */
async function subscribe(port: number, count: number): Promise<Disposable> {
  const all = await Promise.all(Array.from({ length: count }, () => RawWebSocket.open(port, "/ws")));
  for (const it of all) it.onText = () => undefined;
  return { [Symbol.dispose]: () => all.forEach((it) => void it[Symbol.dispose]()) };
}
