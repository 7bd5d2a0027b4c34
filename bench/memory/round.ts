import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readMemory } from "../fanout/process-usage.ts";
import { ServerProcess } from "../fanout/server-process.ts";
import { type InterfaceName, publishThrough } from "./interfaces.ts";
import type { MemoryOptions } from "./memory-options.ts";
import { type StorageName, storages } from "./storages.ts";

/** The resident memory of one server, in bytes, over all its processes. */
export interface MemoryRound {
  readonly storage: StorageName;
  readonly connection: InterfaceName;
  readonly publications: number;
  readonly idle: number;
  /** The maximum while messages were published. */
  readonly most: number;
  /** Some seconds after the last publication has expired. */
  readonly after: number;
}

/** Published before the server counts as idle, because the memory of compiled code is not history. */
const warmUpBytes = 3 * 1024 * 1024;

/** Publishes several times the limit through one interface, and waits until all messages have expired. */
export async function runMemoryRound(
  storage: StorageName,
  connection: InterfaceName,
  { boundBytes, times, ttlSeconds, restSeconds }: MemoryOptions,
): Promise<MemoryRound> {
  const directory = mkdtempSync(join(tmpdir(), "fanfare-bench-memory-"));
  const prepared = await storages[storage](directory);
  const env = {
    HISTORY_BYTES_TOTAL: String(boundBytes),
    HISTORY_BYTES: String(boundBytes),
    HISTORY_SIZE: "1000000",
    HISTORY_TTL: `${ttlSeconds}s`,
    MESSAGE_RATE: "0",
    CLIENT_SHARE: "100", // one WebSocket publishes everything
    NOTIFICATION_INTERVAL: "0",
    LOG_LEVEL: "WARNING",
    ...prepared.env,
  };
  const command = (port: number) => ["server/main.ts", "start", "--port", String(port)];
  const server = await ServerProcess.start({ name: "fanfare", command, env });
  let most = 0;
  const sample = () => {
    most = Math.max(most, readMemory(server.pid).rss);
  };
  try {
    await untilReady(server.port);
    await publishThrough(connection, server.port, warmUpBytes);
    await Bun.sleep(2000);
    const idle = readMemory(server.pid).rss;
    const sampling = setInterval(sample, 100);
    const publications = await publishThrough(connection, server.port, times * boundBytes);
    sample();
    clearInterval(sampling);
    await Bun.sleep(1000 * (ttlSeconds + restSeconds));
    return { storage, connection, publications, idle, most, after: readMemory(server.pid).rss };
  } finally {
    await server.close();
    await prepared.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Waits until it can store messages, since it listens before that. */
async function untilReady(port: number): Promise<void> {
  const deadline = performance.now() + readyTimeoutMs;
  while (!(await fetch(`http://127.0.0.1:${port}/readyz`)).ok) {
    if (performance.now() > deadline) throw new Error(`the server was not ready within ${readyTimeoutMs / 1000} s`);
    await Bun.sleep(20);
  }
}

const readyTimeoutMs = 20_000;
