import { expect, test } from "bun:test";
import { readMemory } from "../../bench/fanout/process-usage.ts";
import { engineEnv } from "../../bin/engine-env.js";
import { RawSocket } from "./raw-socket.ts";
import { RawWebSocket } from "./raw-web-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const mib = 1024 ** 2;
const sendBuffer = 16 * mib;
/** More than the kernel buffers for one reader. */
const messageBytes = 8 * mib;
const historyPath = "/v1/channels/room/history?since=earliest";

function startWithLargeMessage(more: Readonly<Record<string, string>> = {}): Promise<ServerUnderTest> {
  const limits = { MAX_MESSAGE_BYTES: "8MiB", MAX_BODY_BYTES: "9MiB", HISTORY_BYTES: "16MiB" };
  const env = { ...engineEnv, ...limits, SEND_BUFFER_BYTES: String(sendBuffer), NOTICES: "off", MESSAGE_RATE: "0" };
  return startServer({ env: { ...env, ...more } });
}

async function publishLarge(server: ServerUnderTest): Promise<void> {
  const response = await server.request("POST", "/v1/channels/room/messages", "x".repeat(messageBytes), {
    "Content-Type": "text/plain",
  });
  expect(response.status).toBe(200);
}

/** Asks for the history over HTTP, and reads nothing. */
async function askOverHttp({ port }: ServerUnderTest): Promise<Disposable> {
  const socket = await RawSocket.connect(port);
  socket.pause();
  socket.write(`GET ${historyPath} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

/** The same with the command of a WebSocket. */
async function askOverWebSocket({ port }: ServerUnderTest): Promise<Disposable> {
  const raw = await RawWebSocket.open(port, "/ws");
  await raw.untilText(/welcome/);
  raw.socket.pause();
  raw.send('{"type":"history","channel":"room","since":"earliest"}');
  return raw;
}

test.each([
  ["HTTP", askOverHttp],
  ["WebSocket", askOverWebSocket],
])("the answers that 40 clients requested over %s and do not read use bounded memory", async (_, ask) => {
  await using server = await startWithLargeMessage();
  await publishLarge(server);
  // One answer that is read, so that what the first one takes is not counted.
  expect(await (await server.request("GET", historyPath)).json()).toMatchObject({ complete: true });
  const before = readMemory(server.pid).rss;
  let most = 0;
  const sampling = setInterval(() => {
    most = Math.max(most, readMemory(server.pid).rss);
  }, 50);
  const stuck = await Promise.all(Array.from({ length: 40 }, () => ask(server)));
  try {
    // It waits for room like the others, until it is refused or the server has given up enough of those that do not read.
    const last = await server.request("GET", historyPath);
    expect([200, 429]).toContain(last.status);
  } finally {
    clearInterval(sampling);
  }
  // Without a limit it would be 8 MB for each, less what the kernel has taken. Encoding makes a few copies.
  expect(most - before).toBeLessThan(sendBuffer + 8 * messageBytes);
  for (const it of stuck) it[Symbol.dispose]();
});

test("an answer that its client stops reading is cut off after SLOW_TIMEOUT; one that is read slowly is not", async () => {
  await using server = await startWithLargeMessage({ SLOW_TIMEOUT: "2s" });
  await publishLarge(server);
  using _stuck = await askOverHttp(server);
  using slow = await RawSocket.connect(server.port);
  let received = 0;
  slow.onData = (chunk) => {
    received += chunk.length;
    slow.pause();
    setTimeout(() => slow.resume(), 20);
  };
  slow.write(`GET ${historyPath} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  await server.untilLogged(/A response was aborted/);
  await slow.until(() => received > messageBytes);
  expect(slow.isEnded).toBe(false);
});
