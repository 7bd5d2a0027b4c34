import type { Publication } from "../../../protocol/publication.ts";
import { readUint32, writeUint32 } from "../../lib/byte-numbers.ts";
import { costOf } from "../cost-of.ts";
import { otherFields } from "../other-fields.ts";
import { type ChunkPool, mostChunkBytes } from "./chunk-pool.ts";
import type { ItemsChannel, KeptItems, StoredItem } from "./kept-items.ts";
import {
  costOfRecord,
  lengthAt,
  mostRecordBytes,
  type RecordPlace,
  readRecord,
  recordBytes,
  timeOfRecord,
  writeLabels,
  writeRecord,
} from "./publication-record.ts";

/**
 * Publications as bytes in a few chunks. A hundred thousand publications as objects are half a million objects, and the garbage
 * collector visits all of them again and again (docs/decisions/history-as-bytes.md).
 *
 * Each chunk begins with the number of its records, except for the last one, whose number is a field until it is full: a field
 * is in memory that each call needs anyway, and the beginning of a chunk is not. A chunk whose records are all removed is
 * freed at once.
 */
export class PublicationRing implements KeptItems<Publication> {
  readonly #pool: ChunkPool;
  /** Oldest first. */
  #chunks: Buffer[] = noChunks;
  /** Where the oldest record begins in the first chunk, and how many of this chunk are removed. */
  #start = 0;
  #removed = 0;
  /** How many records are in the first chunk, removed ones included. Not maintained while it is the last one. */
  #firstCount = 0;
  /** How many are in the last chunk. */
  #lastCount = 0;
  /** Where the next record begins in the last chunk. */
  #end = 0;
  /** When the oldest publication was stored. */
  #oldestAt = 0;
  #length = 0;
  #bytes = 0;

  constructor(pool: ChunkPool) {
    this.#pool = pool;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @param cost by `costOf` */
  push(publication: Publication, at: number, cost = costOf(publication)): void {
    const others = otherFields(publication, publication.message ?? "");
    let chunk = this.#chunks[this.#chunks.length - 1];
    if (chunk === undefined || this.#end + mostRecordBytes(publication, others) > chunk.length) {
      chunk = this.#chunkFor(recordBytes(publication, others));
    }
    const end = writeRecord(chunk, this.#end, publication, others);
    writeLabels(chunk, this.#end, cost, at);
    this.#end = end;
    this.#lastCount++;
    if (this.#length === 0) this.#oldestAt = at;
    this.#length++;
    this.#bytes += cost;
  }

  shift(): void {
    const chunk = this.#chunks[0];
    if (chunk === undefined || this.#length === 0) return;
    this.#bytes -= costOfRecord(chunk, this.#start);
    this.#length--;
    this.#removed++;
    this.#start += lengthAt(chunk, this.#start);
    const count = this.#chunks.length === 1 ? this.#lastCount : this.#firstCount;
    if (this.#removed === count) this.#freeOldest();
    const oldest = this.#chunks[0];
    if (oldest !== undefined) this.#oldestAt = timeOfRecord(oldest, this.#start);
  }

  at(index: number, channel: ItemsChannel): Publication | undefined {
    return this.take(index, 1, 0, channel)[0];
  }

  timeAt(index: number): number {
    if (index === 0) return this.#oldestAt;
    let time = 0;
    this.#walk(index, (chunk, start) => {
      time = timeOfRecord(chunk, start);
      return false;
    });
    return time;
  }

  firstSince(time: number): number {
    let first = 0;
    let index = 0;
    this.#walk(0, (chunk, start) => {
      index++;
      if (timeOfRecord(chunk, start) < time) first = index;
      return true;
    });
    return first;
  }

  exceeds(maxItems: number, maxBytes: number, minTime: number): boolean {
    return this.#length > 0 && (this.#length > maxItems || this.#bytes > maxBytes || this.#oldestAt < minTime);
  }

  take(from: number, maxItems: number, maxBytes: number, channel: ItemsChannel): Publication[] {
    const items: Publication[] = [];
    let bytes = 0;
    if (maxItems <= 0) return items;
    this.each(from, channel, (publication, { cost }) => {
      bytes += cost;
      if (bytes > maxBytes && items.length > 0) return false;
      items.push(publication);
      return items.length < maxItems;
    });
    return items;
  }

  each(
    from: number,
    { name, epoch, top }: ItemsChannel,
    visit: (publication: Publication, stored: StoredItem) => boolean,
  ): void {
    const first = Math.max(0, from);
    let offset = top - this.#length + first;
    this.#walk(first, (chunk, start) => {
      offset++;
      const stored = { at: timeOfRecord(chunk, start), cost: costOfRecord(chunk, start) };
      const place = { channel: name, epoch, offset };
      const read = chunk.length > mostChunkBytes ? readLarge : readRecord;
      return visit(read(chunk, start, place), stored);
    });
  }

  /** Visits records from an index on, as long as `visit` returns true. */
  #walk(from: number, visit: (chunk: Buffer, start: number) => boolean): void {
    let skipped = from + this.#removed;
    let start = this.#start;
    let index = this.#removed;
    for (const chunk of this.#chunks) {
      const count = this.#countOf(chunk);
      if (skipped >= count) skipped -= count;
      else {
        for (; index < count; index++) {
          if (index >= skipped && !visit(chunk, start)) return;
          start += lengthAt(chunk, start);
        }
        skipped = 0;
      }
      start = countBytes;
      index = 0;
    }
  }

  #countOf(chunk: Buffer): number {
    return chunk === this.#chunks[this.#chunks.length - 1] ? this.#lastCount : readUint32(chunk, 0);
  }

  /** The last chunk if it has room for a record of this length, or a new one. */
  #chunkFor(bytes: number): Buffer {
    const last = this.#chunks.at(-1);
    if (last !== undefined && this.#end + bytes <= last.length) return last;
    if (last !== undefined) this.#closeLast(last);
    let held = 0;
    for (const { length } of this.#chunks) held += length;
    const chunk = this.#pool.take(chunkSize(countBytes + bytes, held));
    this.#lastCount = 0;
    if (this.#chunks === noChunks) this.#chunks = [];
    if (this.#chunks.push(chunk) === 1) this.#start = countBytes;
    this.#end = countBytes;
    return chunk;
  }

  /** Another chunk follows the last one. */
  #closeLast(last: Buffer): void {
    writeUint32(last, 0, this.#lastCount);
    if (this.#chunks.length === 1) this.#firstCount = this.#lastCount;
    if (last.length - this.#end > last.length * wastedShare) this.#cutLast(last);
  }

  /** Gives back the rest of a chunk that is not filled: a large record follows small ones. */
  #cutLast(last: Buffer): void {
    const cut = this.#pool.take(this.#end);
    last.copy(cut, 0, 0, this.#end);
    this.#chunks[this.#chunks.length - 1] = cut;
    this.#pool.give(last);
  }

  #freeOldest(): void {
    const oldest = this.#chunks.shift();
    if (oldest !== undefined) this.#pool.give(oldest);
    const next = this.#chunks[0];
    if (next === undefined) this.#chunks = noChunks;
    else this.#firstCount = this.#countOf(next);
    this.#start = countBytes;
    this.#removed = 0;
  }
}

/** @param bytes the bytes that the new chunk must hold @param held those that all chunks hold */
function chunkSize(bytes: number, held: number): number {
  const usual = held < smallBytes ? 0 : Math.min(mostChunkBytes, Math.max(smallBytes, Math.floor(held / 8)));
  return bytes > usual / 4 ? bytes : usual;
}

/** Reads a publication of a large chunk, which has only one. Readers share it while it is in memory: each copy would be as large. */
function readLarge(chunk: Buffer, start: number, place: RecordPlace): Publication {
  const known = lastRead.get(chunk)?.deref();
  if (known?.epoch === place.epoch && known.offset === place.offset) return known;
  const publication = readRecord(chunk, start, place);
  lastRead.set(chunk, new WeakRef(publication));
  return publication;
}

const lastRead = new WeakMap<Buffer, WeakRef<Publication>>();

/** The number of records at the beginning of each chunk. */
const countBytes = 4;
/** A channel that keeps less has a chunk for each publication: with a hundred thousand channels, unused memory adds up. */
const smallBytes = 1024;
/** The part of a chunk that may be left unused. */
const wastedShare = 1 / 4;
/** Shared by all empty rings and never written to. */
const noChunks: never[] = [];
