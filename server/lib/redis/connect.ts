import { Redis, type RedisOptions } from "ioredis";
import type { RedisAddress } from "./address.ts";

/** How long a connection may take to open, milliseconds. */
const connectMs = 5000;
/** Waits between two attempts grow from the first to the second, with full jitter. */
const firstWaitMs = 50;
const maxWaitMs = 2000;

/**
 * A connection that is not opened yet. It reconnects until it is closed, sends nothing twice and keeps nothing for later:
 * what cannot be sent now fails now.
 *
 * @param host the node of a cluster; the only host otherwise, and ignored with sentinels, which name the primary
 */
export function makeConnection(address: RedisAddress, host: { readonly host: string; readonly port: number }): Redis {
  const { username, password, db, hasTls, kind, hosts, primaryName } = address;
  const options = {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    enableAutoPipelining: true,
    // With 0 commands in flight fail when their connection breaks; with null they would never settle.
    maxRetriesPerRequest: 0,
    connectTimeout: connectMs,
    retryStrategy: waitOf,
    connectionName: "fanfare",
    protocol: 2 as const,
    db,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(hasTls ? { tls: {} } : {}),
  } satisfies RedisOptions;
  if (kind !== "sentinel") return new Redis({ ...options, ...host });
  return new Redis({
    ...options,
    sentinels: hosts.map((it) => ({ ...it })),
    name: primaryName ?? "",
    sentinelRetryStrategy: waitOf,
    enableTLSForSentinelMode: hasTls,
  });
}

function waitOf(attempt: number): number {
  return firstWaitMs + Math.random() * Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(attempt, 16));
}
