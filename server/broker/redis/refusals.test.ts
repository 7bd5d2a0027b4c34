import { expect, test } from "bun:test";
import { ServiceError } from "../../../protocol/errors.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { RedisUnreachable, RedisUnusable } from "../../lib/redis/unreachable.ts";
import { beingChecked } from "./epoch-guard.ts";
import { Refusals } from "./refusals.ts";

test.each([
  new RedisUnreachable("10.0.0.5:6379: connect ECONNREFUSED"),
  new RedisUnusable("10.0.0.5:6379 is a replica"),
])("a client is not told where Redis is: %p", (cause) => {
  const refusal = new Refusals(new MovedClock()).of(cause) as ServiceError;
  expect(refusal).toMatchObject({ code: "broker-unavailable", retryAfterMs: 1000, cause });
  expect(refusal.message).toBe("Redis is not available; retry with the same id");
});

test("a client is told that its channel is being checked", () => {
  const refusal = new Refusals(new MovedClock()).of(new RedisUnreachable(beingChecked)) as ServiceError;
  expect(refusal.message).toBe(`${beingChecked}; retry with the same id`);
});

test("errors that do not come from Redis stay as they are", () => {
  const refusals = new Refusals(new MovedClock());
  const errors = [new Error("a bug"), new ServiceError("too-large", "too large")];
  expect(errors.map((it) => refusals.of(it))).toEqual(errors);
});
