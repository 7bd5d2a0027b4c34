import { expect, test } from "bun:test";
import { ChunkPool, mostChunkBytes } from "./chunk-pool.ts";

test("a chunk has the requested size, and at most a quarter more", () => {
  const pool = new ChunkPool();
  for (const bytes of [1, 128, 129, 169, 1000, 1024, 1025, 40_000, mostChunkBytes, mostChunkBytes + 1, 1_000_000]) {
    const { length } = pool.take(bytes);
    expect(length).toBeGreaterThanOrEqual(bytes);
    expect(length).toBeLessThanOrEqual(Math.max(32, 1.25 * bytes));
  }
});

test("a chunk is used again for a similar size, and for one owner at a time", () => {
  const pool = new ChunkPool();
  const chunk = pool.take(1000);
  pool.give(chunk);
  expect(pool.take(1024)).toBe(chunk);
  expect(pool.take(1024)).not.toBe(chunk);
});

test("chunks that are too large or too many to keep are freed at once", () => {
  const pool = new ChunkPool();
  const large = pool.take(mostChunkBytes + 1);
  pool.give(large);
  expect(large.length).toBe(0);
  const chunks = Array.from({ length: 20 }, () => pool.take(mostChunkBytes));
  for (const chunk of chunks) pool.give(chunk);
  expect(chunks.filter(({ length }) => length === 0)).toHaveLength(4);
});
