import { expect, test } from "bun:test";
import { UserRates } from "./user-rates.ts";

/** Milliseconds, moved by the tests. */
let now = 0;
const clock = { monotonic: () => now };
const limited = expect.objectContaining({ code: "rate-limited" });

test("a user may send two seconds' worth at once, then the rate, and is told how long to wait", () => {
  const rates = new UserRates(10, clock);
  for (let sent = 0; sent < 20; sent++) rates.charge("u", 1);
  expect(() => rates.charge("u", 1)).toThrow(expect.objectContaining({ code: "rate-limited", retryAfterMs: 100 }));
  now += 100;
  rates.charge("u", 1);
  expect(() => rates.charge("u", 1)).toThrow(limited);
});

test("one user's rate is no other's", () => {
  const rates = new UserRates(1, clock);
  rates.charge("u", 2);
  expect(() => rates.charge("u", 1)).toThrow(limited);
  expect(() => rates.charge("v", 1)).not.toThrow();
});

test("a request into many channels counts as many messages", () => {
  const rates = new UserRates(10, clock);
  rates.charge("u", 20);
  expect(() => rates.charge("u", 1)).toThrow(limited);
});

test("0 is no limit", () => {
  const rates = new UserRates(0, clock);
  for (let sent = 0; sent < 1000; sent++) expect(() => rates.charge("u", 1000)).not.toThrow();
});

test("the least recently seen user is forgotten first, so memory is bounded", () => {
  const rates = new UserRates(1, clock, 2);
  rates.charge("u", 2);
  rates.charge("v", 2);
  expect(() => rates.charge("u", 1)).toThrow(limited); // seen again: v is the older one now
  rates.charge("w", 2);
  rates.charge("v", 2);
  expect(() => rates.charge("w", 1)).toThrow(limited);
});
