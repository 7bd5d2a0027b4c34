import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Publication } from "../../../protocol/publication.ts";
import { fc } from "../../../tests/property.ts";
import { costOf } from "../cost-of.ts";
import { ChunkPool } from "./chunk-pool.ts";
import { PublicationRing } from "./publication-ring.ts";

const name = "room" as ChannelName;
const all = Number.MAX_SAFE_INTEGER;

function publicationAt(offset: number, length: number): Publication {
  return { channel: name, id: `i${offset}`, epoch: "e", offset, timestamp: offset, data: `"${"x".repeat(length)}"` };
}

/** A ring and the simplest one that behaves alike. */
class Pair {
  readonly pool = new ChunkPool();
  readonly ring = new PublicationRing(this.pool);
  readonly model: { readonly publication: Publication; readonly at: number }[] = [];
  top = 0;

  push(length: number, at: number): void {
    const publication = publicationAt(++this.top, length);
    this.ring.push(publication, at);
    this.model.push({ publication, at });
  }

  shift(): void {
    this.ring.shift();
    this.model.shift();
  }

  get channel() {
    return { name, epoch: "e", top: this.top };
  }

  check(): void {
    const { ring, model, channel } = this;
    const costs = model.map(({ publication }) => costOf(publication));
    expect([ring.length, ring.bytes]).toEqual([model.length, costs.reduce((sum, cost) => sum + cost, 0)]);
    expect(ring.take(0, all, all, channel)).toEqual(model.map(({ publication }) => publication));
  }
}

describe("PublicationRing", () => {
  test("behaves like an array, whatever is pushed and shifted", () => {
    const length = fc.oneof({ weight: 20, arbitrary: fc.nat(300) }, { weight: 1, arbitrary: fc.nat(100_000) });
    const step = fc.oneof(fc.record({ length, at: fc.nat(100) }), fc.constant("shift" as const));
    const steps = fc.array(step, { maxLength: 200, size: "max" });
    fc.assert(
      fc.property(steps, fc.nat(50), fc.nat(50), fc.nat(100), (steps, from, count, time) => {
        const pair = new Pair();
        for (const it of steps) {
          if (it === "shift") pair.shift();
          else pair.push(it.length, it.at);
        }
        pair.check();
        const { ring, model, channel } = pair;
        const [publications, times] = [model.map(({ publication }) => publication), model.map(({ at }) => at)];
        expect(ring.take(from, count, all, channel)).toEqual(publications.slice(from, from + count));
        expect(ring.at(from, channel)).toEqual(publications[from]);
        expect(publications.map((_, index) => ring.timeAt(index))).toEqual(times);
        expect(ring.firstSince(time)).toBe(times.findLastIndex((at) => at < time) + 1);
      }),
      { numRuns: 30 },
    );
  });

  test("takes as many as fit into the bytes, and at least one", () => {
    const pair = new Pair();
    for (let count = 0; count < 4; count++) pair.push(10, 0);
    const one = costOf(publicationAt(1, 10));
    const offsets = (from: number, maxBytes: number) =>
      pair.ring.take(from, 10, maxBytes, pair.channel).map(({ offset }) => offset);
    expect([offsets(-1, 2 * one), offsets(1, 2 * one - 1), offsets(3, 0), offsets(4, all)]).toEqual([
      [1, 2],
      [2],
      [4],
      [],
    ]);
  });

  test("is over its limits with one item, one byte or one millisecond too much, and never when it is empty", () => {
    const pair = new Pair();
    expect(pair.ring.exceeds(0, 0, all)).toBe(false);
    pair.push(10, 1000);
    pair.push(10, 1001);
    const { bytes } = pair.ring;
    expect(pair.ring.exceeds(2, bytes, 1000)).toBe(false);
    for (const [items, most, time] of [
      [1, bytes, 1000],
      [2, bytes - 1, 1000],
      [2, bytes, 1001],
    ] as const) {
      expect(pair.ring.exceeds(items, most, time)).toBe(true);
    }
    pair.shift();
    expect(pair.ring.exceeds(1, bytes, 1001)).toBe(false);
  });

  test("keeps its order in a full channel that runs for a long time", () => {
    const pair = new Pair();
    for (let count = 0; count < 3000; count++) {
      pair.push(count % 50, count);
      if (pair.ring.length > 100) pair.shift();
    }
    pair.check();
  });

  test("uses the memory of removed publications again, and takes little more than they need", () => {
    const taken: Buffer[] = [];
    const pool = new ChunkPool();
    const take = pool.take.bind(pool);
    const given = new Set<Buffer>();
    pool.take = (bytes) => {
      const chunk = take(bytes);
      taken.push(chunk);
      given.delete(chunk);
      return chunk;
    };
    const give = pool.give.bind(pool);
    pool.give = (chunk) => {
      given.add(chunk);
      give(chunk);
    };
    const ring = new PublicationRing(pool);
    for (let count = 1; count <= 2000; count++) {
      ring.push(publicationAt(count, 100), 0);
      if (ring.length > 100) ring.shift();
    }
    const chunks = new Set(taken);
    expect(chunks.size).toBeLessThan(100);
    const held = [...chunks].filter((chunk) => !given.has(chunk));
    const heldBytes = held.reduce((sum, { length }) => sum + length, 0);
    expect(heldBytes).toBeLessThan(1.4 * 100 * (40 + "i2000".length + 102));
    for (let count = 0; count < 100; count++) ring.shift();
    expect(given.size).toBe(chunks.size);
  });

  test.each([10, 25_000, 100_000])(
    "keeps what follows a message of %i characters with half of a surrogate pair",
    (length) => {
      const ring = new PublicationRing(new ChunkPool());
      const { data, ...first } = publicationAt(1, 0);
      const publications = [
        { ...first, message: `\ud83d${"x".repeat(length)}` },
        publicationAt(2, 10),
        publicationAt(3, 10),
      ];
      for (const publication of publications) ring.push(publication, 0);
      expect(ring.take(0, all, all, { name, epoch: "e", top: 3 })).toEqual(publications);
    },
  );

  test("readers share a large publication, and get its new epoch", () => {
    const pair = new Pair();
    pair.push(100_000, 1);
    const [first] = pair.ring.take(0, all, all, pair.channel);
    expect(pair.ring.at(0, pair.channel)).toBe(first);
    expect(pair.ring.at(0, { ...pair.channel, epoch: "f" })).toEqual({ ...publicationAt(1, 100_000), epoch: "f" });
  });
});
