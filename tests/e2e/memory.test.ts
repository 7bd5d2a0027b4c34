import { afterEach, expect, test } from "bun:test";
import { readMemory } from "../../bench/fanout/process-usage.ts";
import { type interfaces, publishThrough } from "../../bench/memory/interfaces.ts";
import { engineEnv } from "../../bin/engine-env.js";
import { type ServerUnderTest, startServer } from "./server.ts";

/** Two thirds of it are filled with history, so publishing as much as the bound evicts some of it. */
const bound = 64 * 1024 * 1024;
/** Published before the server counts as idle, since the memory of compiled code is not history. */
const warmUp = 3 * 1024 * 1024;

let server: ServerUnderTest | undefined;
afterEach(() => server?.[Symbol.asyncDispose]());

/** The requests that used to make a server hold the most memory, because what it keeps was cut out of much larger ones. */
test.each<keyof typeof interfaces>(["batch", "websocket"])(
  "after publishing by %s beyond the bound, a server holds at most 1.5 times the bound more than when it was idle",
  async (connection) => {
    server = await startServer({
      env: {
        ...engineEnv,
        HISTORY_BYTES_TOTAL: String(bound),
        HISTORY_BYTES: String(bound),
        HISTORY_SIZE: "1000000",
        MESSAGE_RATE: "0",
        CLIENT_SHARE: "100", // one WebSocket publishes everything
      },
    });
    const port = Number(new URL(server.url).port);
    await publishThrough(connection, port, warmUp);
    const idle = readMemory(server.pid).rss;
    let most = 0;
    const sampling = setInterval(() => {
      most = Math.max(most, readMemory(server?.pid ?? 0).rss);
    }, 100);
    try {
      await publishThrough(connection, port, bound);
    } finally {
      clearInterval(sampling);
    }
    expect(most).toBeGreaterThan(idle + bound / 2);
    expect(most).toBeLessThan(idle + 1.5 * bound);
  },
);
