import { bytes, limit, type OptionsOf, whole } from "../lib/option.ts";

export const limitOptions = {
  messageRate: whole(
    50,
    "Messages that one user may send per second, over all connections and HTTP requests together; bursts of twice as many are allowed. Each channel of a publish request counts as one. Connections without a user each have this rate. A connection that keeps exceeding it is closed (4029). 0: no limit.",
    { max: 1_000_000 },
  ),
  historyRate: bytes(
    2 * 1024 ** 2,
    "Bytes of history that one user may read per second: with `history` requests, and when a client catches up after a reconnect or a join with `since`. Bursts of eight times as many are allowed. Beyond that, requests are refused, and catching up is delayed. 0: no limit.",
  ),
  presenceRate: limit(10, "Presence requests that one user may make per second; bursts of twice as many are allowed."),
  handshakeRate: limit(
    1000,
    "Connections that one address may open per second, refused ones included; bursts of ten times as many are allowed.",
  ),
  maxRequests: limit(100, "HTTP requests of one user that may be in progress at the same time."),
  maxUnfinishedBytes: bytes(
    8 * 1024 ** 2,
    "Bytes of request bodies of one user that may be incomplete or in progress at the same time.",
    { min: 1024 },
  ),
  maxMemory: bytes(
    0,
    "Memory of the server, with its workers, at which new connections and publications are refused (503 `overloaded`). 0: four fifths of what the machine or the container has.",
  ),
  usersPerAddress: limit(
    40,
    "Clients without a token are also limited per address: together they have this many times the limits of one user.",
  ),
  usersPerKey: limit(Number.POSITIVE_INFINITY, "Each API key has this many times the limits of one user."),
};

export type LimitOptions = OptionsOf<typeof limitOptions>;
