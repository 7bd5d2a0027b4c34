import { describe, expect, test } from "bun:test";
import { MessageRate } from "./message-rate.ts";

const take = (rate: MessageRate, count: number, now: number) => Array.from({ length: count }, () => rate.take(now));

describe("the message rate", () => {
  test("allows a burst of two seconds' worth, and not one more", () => {
    const rate = new MessageRate(5, 0);
    expect(take(rate, 10, 0)).toEqual(Array(10).fill(0));
    expect(rate.take(0)).toBe(200);
  });

  test("a refusal says when the next message is allowed, and then it is", () => {
    const rate = new MessageRate(5, 0);
    take(rate, 10, 0);
    const waitMs = rate.take(150);
    expect(waitMs).toBe(50);
    expect(rate.take(150 + waitMs)).toBe(0);
  });

  test("refills after a pause, up to two seconds' worth", () => {
    const rate = new MessageRate(5, 0);
    take(rate, 10, 0);
    expect(take(rate, 11, 3_600_000).map((waitMs) => waitMs > 0)).toEqual([...Array(10).fill(false), true]);
  });

  test("a frame that counts as several takes as many, up to the size of the bucket", () => {
    const rate = new MessageRate(5, 0);
    expect([rate.take(0, 4), rate.take(0, 4), rate.take(0, 4)]).toEqual([0, 0, 400]);
    expect(rate.take(400, 4)).toBe(0);
    expect(rate.take(400, 1000)).toBe(2000);
    expect(rate.take(2400, 1000)).toBe(0);
  });

  test("0 means no limit", () => {
    const rate = new MessageRate(0, 0);
    expect(take(rate, 1000, 0).every((waitMs) => waitMs === 0)).toBe(true);
    expect(rate.isAbused).toBe(false);
  });

  test("a client that sends a whole bucket of refused messages is ignoring the refusals", () => {
    const rate = new MessageRate(10, 0);
    take(rate, 20 + 20, 0);
    expect(rate.isAbused).toBe(false);
    rate.take(0);
    expect(rate.isAbused).toBe(true);
  });

  test("ten refusals are always forgiven, and an allowed message resets the count", () => {
    const rate = new MessageRate(1, 0);
    take(rate, 2 + 10, 0);
    expect(rate.isAbused).toBe(false);
    expect(rate.take(1000)).toBe(0);
    take(rate, 10, 1000);
    expect(rate.isAbused).toBe(false);
  });
});
