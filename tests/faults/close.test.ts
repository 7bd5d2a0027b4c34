import { expect, test } from "bun:test";
import { Relay } from "../e2e/relay.ts";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { makeRandom } from "../seed.ts";
import { until } from "../waiting.ts";
import { ClientRecord } from "./client-record.ts";
import type { ClientOptions, FaultClient } from "./fault-client.ts";
import { Ledger } from "./ledger.ts";
import { httpSender } from "./publisher.ts";
import { RoughNetwork } from "./rough-network.ts";
import { SocketClient } from "./socket-client.ts";
import { StreamClient } from "./stream-client.ts";

const channel = "room";
const kept = { historySize: () => Number.POSITIVE_INFINITY, inFlight: 1 };
/** How long no client reads while the server closes: less than it waits for one. Milliseconds. */
const silenceMs = 1500;
/** How long the server waits for the last bytes to be read. Milliseconds. */
const lastBytesMs = 5000;
const attempts = 3;

test("a stopping server delivers everything acknowledged, also to clients that had stopped reading", async () => {
  let stopped = await stopWhileNobodyReads("server/main.ts");
  // On a very busy machine, the clients may need longer than the server waits for them.
  for (let attempt = 1; stopped.tookMs >= lastBytesMs && attempt < attempts; attempt++) {
    stopped = await stopWhileNobodyReads("server/main.ts");
  }
  const { lost, doubled, faults, closeCodes } = stopped;
  expect({ lost, doubled, faults, closeCodes }).toEqual({ lost: 0, doubled: 0, faults: [], closeCodes: [1012] });
});

test("control: a server that closes without waiting loses messages, and the checker counts them", async () => {
  const { lost } = await stopWhileNobodyReads("tests/faults/broken/close-abruptly.ts");
  expect(lost).toBeGreaterThan(0);
});

/** Readers pause until much is buffered for each of them. Then the server is stopped, and they read what still arrives. */
async function stopWhileNobodyReads(main: string) {
  const env = { SHUTDOWN_TIMEOUT: "3s", DRAIN_WINDOW: "1s", HISTORY_BYTES: "64MiB", HISTORY_SIZE: "100000" };
  await using server = await startServer({ env: { ...env, NOTICES: "off" }, main });
  const network = new RoughNetwork(makeRandom(), 0);
  network.isCalm = true;
  using relay = await Relay.to(server.port, network.behaviour);
  const ledger = new Ledger();
  const sockets = [[], ["fanfare.v1"], [], ["fanfare.v1"]].map(
    (protocols, at) => new SocketClient(optionsOf(`WebSocket ${at}`, relay.url, ledger), protocols),
  );
  const streams = [0, 1].map((at) => new StreamClient(optionsOf(`EventSource ${at}`, relay.url, ledger)));
  const clients: readonly FaultClient[] = [...sockets, ...streams];
  for (const client of clients) client.start();
  await until(() => clients.every(({ isConnected }) => isConnected), "all clients are connected");
  network.hold();
  await fillBuffers(server, ledger);
  server.signal("SIGTERM");
  await server.untilLogged(/The deadline has passed/);
  const closedAt = performance.now();
  await Promise.race([server.exited, Bun.sleep(silenceMs)]);
  network.release();
  await until(() => clients.every(({ isConnected }) => !isConnected), "all clients are disconnected");
  await server.exited;
  const tookMs = Math.round(performance.now() - closedAt);
  for (const client of clients) client.stop();
  for (const { record } of clients) record.checkEnd([channel]);
  const sum = (count: (record: ClientRecord) => number) => clients.reduce((all, { record }) => all + count(record), 0);
  const counts = { acknowledged: ledger.acknowledged, deliveries: sum((it) => it.deliveries) };
  const result = { ...counts, lost: sum((it) => it.lost), doubled: sum((it) => it.doubled) };
  console.log(`stopped by ${main}: ${JSON.stringify({ clients: clients.length, tookMs, ...result })}`);
  return {
    ...result,
    tookMs,
    faults: ledger.faults,
    closeCodes: [...new Set(sockets.map(({ closeCode }) => closeCode))],
  };
}

function optionsOf(name: string, url: string, ledger: Ledger): ClientOptions {
  const record = new ClientRecord(name, ledger, kept);
  return { url, record, channels: [channel], resumes: true, random: makeRandom(1) };
}

/** Publishes until the server buffers bytes for every connection, so more than the kernel takes. */
async function fillBuffers(server: ServerUnderTest, ledger: Ledger): Promise<void> {
  using sender = httpSender(server.url, true, makeRandom(2));
  const padding = "x".repeat(20_000);
  for (let number = 0; number < 2000; number++) {
    const text = `p:${number}`;
    ledger.acknowledge({ channel, text, ...(await sender.say({ channel, text, padding })) });
    if (number % 20 === 0 && (await areFull(server))) return;
  }
  throw new Error("the kernel took everything");
}

async function areFull(server: ServerUnderTest): Promise<boolean> {
  const answer = await server.request("GET", "/v1/connections");
  const { connections } = (await answer.json()) as { connections: { buffered_bytes: number }[] };
  return connections.every(({ buffered_bytes }) => buffered_bytes > 0);
}
