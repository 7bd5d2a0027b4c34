import { expect, test } from "bun:test";
import { UserRates } from "./user-rates.ts";

/** Milliseconds, set by the tests. */
let now = 0;
const clock = { monotonic: () => now };
const limited = expect.objectContaining({ code: "rate-limited" });

test("a user may send a burst of two seconds' worth, and the error says how long to wait", () => {
  const rates = new UserRates(10, clock);
  for (let sent = 0; sent < 20; sent++) rates.charge("u", 1);
  expect(() => rates.charge("u", 1)).toThrow(expect.objectContaining({ code: "rate-limited", retryAfterMs: 100 }));
  now += 100;
  rates.charge("u", 1);
  expect(() => rates.charge("u", 1)).toThrow(limited);
});

test("each user has a rate of their own", () => {
  const rates = new UserRates(1, clock);
  rates.charge("u", 2);
  expect(() => rates.charge("u", 1)).toThrow(limited);
  expect(() => rates.charge("v", 1)).not.toThrow();
});

test("a request with several channels counts as several messages", () => {
  const rates = new UserRates(10, clock);
  rates.charge("u", 20);
  expect(() => rates.charge("u", 1)).toThrow(limited);
});

test("0 means no limit", () => {
  const rates = new UserRates(0, clock);
  for (let sent = 0; sent < 1000; sent++) expect(() => rates.charge("u", 1000)).not.toThrow();
});

test("the least recently seen user is evicted first, so memory is bounded", () => {
  const rates = new UserRates(1, clock, 2);
  rates.charge("u", 2);
  rates.charge("v", 2);
  expect(() => rates.charge("u", 1)).toThrow(limited); // Seen again, so v is the least recently seen now.
  rates.charge("w", 2);
  rates.charge("v", 2);
  expect(() => rates.charge("w", 1)).toThrow(limited);
});
