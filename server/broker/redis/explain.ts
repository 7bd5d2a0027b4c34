import { type RedisAddress, showRedisAddress } from "../../lib/redis/address.ts";
import { identifyServer } from "../../lib/redis/probe.ts";
import { RedisUnreachable, RedisUnusable } from "../../lib/redis/unreachable.ts";
import { UnusableStorage } from "../../lib/unusable-storage.ts";

/**
 * Turns an error into one that tells the operator why Redis cannot be used, and what to do. It contains no password.
 * @param setting the setting that names the server
 */
export async function explainRedis(error: unknown, address: RedisAddress, setting: string): Promise<unknown> {
  if (!(error instanceof RedisUnusable) && !(error instanceof RedisUnreachable)) return error;
  return new UnusableStorage(`${setting}: ${await reasonOf(error, address)}`, { cause: error });
}

async function reasonOf(error: RedisUnusable | RedisUnreachable, address: RedisAddress): Promise<string> {
  const place = showRedisAddress(address);
  const cause = error.cause instanceof Error ? error.cause : error;
  const isRedis = cause === error || cause.name === "ReplyError";
  if (isRedis && error instanceof RedisUnusable) return error.message;
  if (cause.name === "ReplyError") {
    return `${place} answers, but cannot be used now: ${withoutFullStop(withoutScript(cause.message))}. Correct this in Redis, then start again.`;
  }
  const [first] = address.hosts;
  const kind = first === undefined ? "nothing" : await identifyServer(first);
  if (kind === "tls" && !address.hasTls) return `${place} speaks TLS: use rediss:// instead of redis://`;
  if (kind === "redis" && address.hasTls) return `${place} does not speak TLS: use redis:// instead of rediss://`;
  if (error instanceof RedisUnusable) return error.message;
  if (kind === "other") return `${place} does not answer like Redis. Check that the port is not another program's.`;
  return `${place} does not answer (${withoutRetries(cause.message)}). Start Redis there, or correct the address.`;
}

function withoutFullStop(message: string): string {
  return message.trim().replace(/\.$/, "");
}

/** Redis 7 names the script in which a command failed, which tells an operator nothing. */
function withoutScript(message: string): string {
  return message.replace(/ script: [0-9a-f]{40}, on @user_script:\d+\.?$/, "");
}

/** ioredis announces a retry, but there will be none. */
function withoutRetries(message: string): string {
  return message.replace(/ Retrying from scratch after [0-9.]+ms\./, "").trim();
}
