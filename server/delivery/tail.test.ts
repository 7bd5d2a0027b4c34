import { describe, expect, test } from "bun:test";
import { makePush, room } from "../../tests/fakes/publication.ts";
import { costOf } from "../broker/cost-of.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { Tail } from "./tail.ts";

/** The memory that one publication of these tests takes, and its length on the wire. All offsets have two digits. */
const example = makePush(11, { id: "i", message: "m" });
const weight = costOf(example.publication);
const length = example.wireBytes;

function makeTail(perChannel = 100 * weight) {
  const budget = { perChannel, total: 1_000_000, bytes: 0, chunks: new ChunkPool() };
  const tail = new Tail({ epoch: "e1", offset: 10 }, budget);
  const append = (...offsets: readonly number[]) => {
    for (const offset of offsets) tail.append(makePush(offset, { id: "i", message: "m" }));
  };
  const read = (after: number, maxBytes = 1_000_000) =>
    tail.read(room, after, maxBytes)?.map(({ publication }) => publication.offset);
  return { tail, budget, append, read };
}

describe("a tail", () => {
  test("starts at the top, without earlier messages", () => {
    const { tail, read } = makeTail();
    expect([tail.head, tail.flushed]).toEqual([10, 10]);
    expect(read(10)).toEqual([]);
    expect(read(9)).toBeUndefined();
  });

  test("shows readers only flushed messages", () => {
    const { tail, append, read } = makeTail();
    append(11, 12);
    tail.flush();
    append(13);
    expect([tail.head, tail.flushed]).toEqual([13, 12]);
    expect(read(10)).toEqual([11, 12]);
    expect(read(12)).toEqual([]);
  });

  test("hands a flush all unflushed messages in order, ephemeral ones included", () => {
    const { tail, append, read } = makeTail();
    append(11);
    tail.append(makePush(0, { message: "typing" }));
    append(12);
    expect(tail.flush().map(({ publication }) => publication.offset)).toEqual([11, 0, 12]);
    expect(read(10)).toEqual([11, 12]);
    expect(tail.flush()).toEqual([]);
  });

  test("an ephemeral message moves neither head nor flushed", () => {
    const { tail } = makeTail();
    tail.append(makePush(0));
    tail.flush();
    expect([tail.head, tail.flushed]).toEqual([10, 10]);
  });

  test("hands a reader at least one message, then up to a number of bytes", () => {
    const { tail, append, read } = makeTail();
    append(11, 12, 13, 14);
    tail.flush();
    expect(read(10, 0)).toEqual([11]);
    expect(read(10, 2 * length - 1)).toEqual([11]);
    expect(read(10, 2 * length)).toEqual([11, 12]);
    expect(read(11, 3 * length)).toEqual([12, 13, 14]);
  });

  test("evicts the oldest messages above its byte limit, and knows its first position", () => {
    const { tail, append, read } = makeTail(2 * weight);
    append(11, 12, 13, 14);
    tail.flush();
    expect(read(11)).toBeUndefined();
    expect(read(12)).toEqual([13, 14]);
  });

  test("keeps nothing without room, and still counts", () => {
    const { tail, append, read } = makeTail(0);
    append(11, 12);
    tail.flush();
    expect([tail.flushed, read(11), read(12)]).toEqual([12, undefined, []]);
  });

  test("stays correct over many strides", () => {
    const { tail, append, read } = makeTail(10 * weight);
    for (let offset = 11; offset <= 1000; offset++) {
      append(offset);
      tail.flush();
      if (offset > 20) expect(read(offset - 10)).toHaveLength(10);
      if (offset > 20) expect(read(offset - 11)).toBeUndefined();
    }
  });

  test("counts its bytes in the shared budget, and returns them", () => {
    const { tail, budget, append } = makeTail();
    append(11, 12, 13);
    expect(budget.bytes).toBe(0);
    tail.flush();
    expect(budget.bytes).toBe(3 * weight);
    tail.shrinkTo(2 * weight);
    expect([budget.bytes, tail.keptBytes]).toEqual([2 * weight, 2 * weight]);
    tail.reset({ epoch: "e1", offset: 13 });
    expect([budget.bytes, tail.keptBytes]).toEqual([0, 0]);
  });

  test("reports unflushed messages, so that a flush can be forced", () => {
    const { tail, append } = makeTail();
    append(11, 12);
    expect(tail.pendingBytes).toBe(2 * example.bytes);
    tail.flush();
    expect(tail.pendingBytes).toBe(0);
  });

  test("is reset by a new epoch, without the unflushed messages", () => {
    const { tail, append, read } = makeTail();
    append(11);
    tail.flush();
    append(12);
    tail.reset({ epoch: "e2", offset: 3 });
    expect([tail.epoch, tail.head, tail.flushed, tail.pendingBytes]).toEqual(["e2", 3, 3, 0]);
    expect([tail.flush(), read(2), read(3)]).toEqual([[], undefined, []]);
  });
});
