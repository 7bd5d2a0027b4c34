import { Redis, type RedisOptions } from "ioredis";
import type { RedisAddress } from "./address.ts";

/** How long opening a connection may take, in milliseconds. */
const connectMs = 5000;
/**
 * How long a command may wait while the server sends nothing at all, milliseconds. Without it a connection whose other end
 * broke during its handshake would wait for the first answer until the kernel gives up, a quarter of an hour later.
 */
export const silenceMs = 5000;
/** Waits between two attempts grow from the first to the second, with full jitter. */
const firstWaitMs = 50;
const maxWaitMs = 2000;

/** Makes a connection that is not open yet; tests replace it to run everything above over a modelled server. */
export type MakeConnection = typeof makeConnection;

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
    socketTimeout: silenceMs,
    retryStrategy: reconnectWait,
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
    sentinelRetryStrategy: reconnectWait,
    enableTLSForSentinelMode: hasTls,
  });
}

/** @param attempt counts failed attempts in a row, from 1. @returns milliseconds */
export function reconnectWait(attempt: number): number {
  return firstWaitMs + Math.random() * Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(attempt, 16));
}
