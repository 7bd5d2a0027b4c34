import { RedisUnreachable, RedisUnusable } from "./unreachable.ts";

/** How an error of the Redis client is handled. */
export interface Failure {
  readonly error: RedisUnreachable | RedisUnusable;
  /** Whether to reconnect: this server accepts no writes, or has lost the scripts. */
  readonly needsReconnect: boolean;
}

/** Prefixes of error replies after which the same server may recover by itself. */
const temporary = ["BUSY ", "MISCONF ", "OOM ", "NOREPLICAS ", "TRYAGAIN ", "MASTERDOWN "];
/** Prefixes after which another server must be tried. */
const elsewhere = ["READONLY ", "LOADING ", "NOSCRIPT ", "MOVED ", "ASK ", "CLUSTERDOWN ", "UNBLOCKED "];
const credentials = ["WRONGPASS ", "ERR invalid password", "ERR AUTH "];

/** A key of ours has another type, or is text where we count. */
const foreignKey = /WRONGTYPE |value is not an integer/;

/** @param server its address, for the message. @returns undefined if the error does not come from Redis */
export function failureOf(cause: unknown, server: string): Failure | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { name, message } = cause;
  if (cause instanceof RedisUnreachable || cause instanceof RedisUnusable)
    return { error: cause, needsReconnect: false };
  if (name === "ParserError" || /^(Protocol error|Unknown RESP type)/.test(message)) {
    return unusable(`${server} does not answer like Redis. Check that the port is not another program's.`, cause);
  }
  if (message.startsWith("NOAUTH ")) {
    return unusable(
      `${server} requires a password. Set it in REDIS_URL (redis://:password@host:port) or in the file of REDIS_URL_FILE`,
      cause,
    );
  }
  if (message.startsWith("NOPERM ")) {
    const rights = "docs/machines.md has the rights that the user needs";
    return unusable(`${server} does not permit a command that is needed: ${withoutCode(message)}; ${rights}`, cause);
  }
  if (credentials.some((it) => message.startsWith(it))) {
    return unusable(`${server} refuses the name or password: ${withoutCode(message)}`, cause);
  }
  if (message.startsWith("ERR DB index is out of range")) {
    return unusable(`${server} has no database with this number. See "databases" in its configuration`, cause);
  }
  if (foreignKey.test(message.slice(0, 200))) {
    return unusable(`a key in ${server} belongs to another program: choose another REDIS_PREFIX`, cause);
  }
  // These name options of the Redis client, which no publisher can set.
  if (name === "MaxRetriesPerRequestError") return unreachable(`the connection to ${server} broke`, cause);
  if (message.startsWith("Stream isn't writeable")) return unreachable(`${server} is not connected`, cause);
  const needsReconnect = elsewhere.some((it) => message.startsWith(it));
  if (name === "ReplyError" && !needsReconnect && !temporary.some((it) => message.startsWith(it))) return undefined;
  return { error: new RedisUnreachable(`${server}: ${message}`, { cause }), needsReconnect };
}

function unreachable(message: string, cause: Error): Failure {
  return { error: new RedisUnreachable(message, { cause }), needsReconnect: false };
}

function unusable(message: string, cause: Error): Failure {
  return { error: new RedisUnusable(message, { cause }), needsReconnect: false };
}

function withoutCode(message: string): string {
  return message.replace(/^[A-Z]+ /, "");
}
