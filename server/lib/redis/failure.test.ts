import { describe, expect, test } from "bun:test";
import { failureOf } from "./failure.ts";
import { RedisUnreachable, RedisUnusable } from "./unreachable.ts";

function reply(message: string): Error {
  const error = new Error(message);
  error.name = "ReplyError";
  return error;
}

describe("an error of the Redis client", () => {
  test.each([
    "MISCONF Redis is configured to save RDB snapshots",
    "OOM command not allowed when used memory > 'maxmemory'.",
    "BUSY Redis is busy running a script.",
  ])("%s is temporary", (message) => {
    const failure = failureOf(reply(message), "h:1");
    expect(failure?.error).toBeInstanceOf(RedisUnreachable);
    expect(failure?.needsReconnect).toBe(false);
  });

  test.each([
    "READONLY You can't write against a read only replica.",
    "MOVED 3999 127.0.0.1:6381",
    "CLUSTERDOWN The cluster is down",
    "NOSCRIPT No matching script. Please use EVAL.",
    "LOADING Redis is loading the dataset in memory",
  ])("%s requires a new connection", (message) => {
    const failure = failureOf(reply(message), "h:1");
    expect(failure?.error).toBeInstanceOf(RedisUnreachable);
    expect(failure?.needsReconnect).toBe(true);
  });

  test.each([
    ["NOAUTH Authentication required.", /requires a password\. Set it in REDIS_URL/],
    ["ERR DB index is out of range", /has no database with this number/],
    ["WRONGPASS invalid username-password pair or user is disabled.", /refuses the name or password/],
    ["NOPERM this user has no permissions to run the 'evalsha' command", /does not permit/],
    ["WRONGTYPE Operation against a key holding the wrong kind of value", /another program.*REDIS_PREFIX/],
    ["ERR Error running script: WRONGTYPE Operation against a key", /another program.*REDIS_PREFIX/],
    ["ERR value is not an integer or out of range script: 8968b5", /another program.*REDIS_PREFIX/],
  ])("%s requires an operator", (message, explanation) => {
    const failure = failureOf(reply(message), "h:1");
    expect(failure?.error).toBeInstanceOf(RedisUnusable);
    expect(failure?.error.message).toMatch(explanation);
  });

  test("is temporary for a broken connection, and requires an operator if the peer is not Redis", () => {
    expect(failureOf(new Error("Connection is closed."), "h:1")?.error).toBeInstanceOf(RedisUnreachable);
    const resp = new Error('Unknown RESP type 72 "H". Please report this.');
    expect(failureOf(resp, "h:1")?.error.message).toMatch(/does not answer like Redis/);
    const parser = Object.assign(new Error('Protocol error, got "H" as reply type byte'), { name: "ParserError" });
    expect(failureOf(parser, "h:1")?.error.message).toMatch(/does not answer like Redis/);
  });

  test("in a script is a bug, and stays one", () => {
    expect(failureOf(reply("ERR Error running script: attempt to index a nil value"), "h:1")).toBeUndefined();
    expect(failureOf("no error at all", "h:1")).toBeUndefined();
  });
});

test("a broken connection is described without the options of the Redis client", () => {
  const broken = new Error("Reached the max retries per request limit (which is 0). Refer to ...");
  broken.name = "MaxRetriesPerRequestError";
  expect(failureOf(broken, "db:6379")?.error.message).toBe("the connection to db:6379 broke");
  const closed = new Error("Stream isn't writeable and enableOfflineQueue options is false");
  expect(failureOf(closed, "db:6379")?.error.message).toBe("db:6379 is not connected");
});
