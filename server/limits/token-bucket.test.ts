import { expect, test } from "bun:test";
import { fc } from "../../tests/property.ts";
import { TokenBucket } from "./token-bucket.ts";

const rate = { perSecond: 5, burst: 10 };

test("a full bucket allows its burst, then as much as time brings", () => {
  const bucket = new TokenBucket(rate, 0);
  expect(Array.from({ length: 11 }, () => bucket.take(0, 1))).toEqual([...Array(10).fill(0), 200]);
  expect([bucket.take(199, 1), bucket.take(200, 1), bucket.take(200, 1)]).toEqual([1, 0, 200]);
});

test("a refused cost takes nothing", () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.spend(0, 8);
  expect([bucket.take(0, 4), bucket.take(0, 2)]).toEqual([400, 0]);
});

test("a cost above the burst is allowed once half of the burst is available, and leaves a debt", () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.spend(0, 6);
  expect(bucket.take(0, 100)).toBe(200);
  expect(bucket.take(200, 100)).toBe(0);
  expect(bucket.wait(200, 1)).toBe(19_200);
});

test("a bucket never holds more than its burst, and is full again after it was refilled", () => {
  const bucket = new TokenBucket(rate, 0);
  bucket.spend(0, 1);
  expect([bucket.isFull(199), bucket.isFull(200), bucket.isFull(1e9)]).toEqual([false, true, true]);
  bucket.spend(1e9, 10);
  expect(bucket.take(1e9, 1)).toBe(200);
});

test("over any time, no more is taken than the burst, the rate, and one cost beyond them", () => {
  const step = fc.record({ afterMs: fc.nat(3000), cost: fc.integer({ min: 1, max: 30 }) });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const bucket = new TokenBucket(rate, 0);
      let [now, taken] = [0, 0];
      for (const { afterMs, cost } of steps) {
        now += afterMs;
        if (bucket.take(now, cost) === 0) taken += cost;
      }
      expect(taken).toBeLessThanOrEqual(rate.burst + (now / 1000) * rate.perSecond + 30);
    }),
  );
});
