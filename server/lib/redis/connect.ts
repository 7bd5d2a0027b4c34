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

/** What Redis answers if it has no password: to one without a user, or to the default user. */
const needsNoPassword = /no password is set|without any password configured for the default user/;

/**
 * A connection that is not opened yet. It reconnects until it is closed, sends nothing twice and keeps nothing for later:
 * a command that cannot be sent now fails now.
 *
 * @param host the node of a cluster; the only host otherwise, and ignored with sentinels, which name the primary
 * @param onPasswordIgnored called if the server needs no password although there is one
 */
export function makeConnection(
  address: RedisAddress,
  host: { readonly host: string; readonly port: number },
  onPasswordIgnored: () => void = () => undefined,
): Redis {
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
  const redis =
    kind !== "sentinel"
      ? new Redis({ ...options, ...host })
      : new Redis({
          ...options,
          sentinels: hosts.map((it) => ({ ...it })),
          name: primaryName ?? "",
          sentinelRetryStrategy: reconnectWait,
          enableTLSForSentinelMode: hasTls,
        });
  // The library would print a warning of its own for each connection.
  const authenticate = redis.auth.bind(redis) as (...args: unknown[]) => Promise<"OK">;
  const quietly = async (...args: unknown[]): Promise<"OK"> => {
    try {
      return await authenticate(...args);
    } catch (error) {
      if (!needsNoPassword.test(String(error))) throw error;
      onPasswordIgnored();
      return "OK";
    }
  };
  redis.auth = quietly as typeof redis.auth;
  return redis;
}

/** @param attempt counts failed attempts in a row, from 1. @returns milliseconds */
export function reconnectWait(attempt: number): number {
  return firstWaitMs + Math.random() * Math.min(maxWaitMs, firstWaitMs * 2 ** Math.min(attempt, 16));
}
