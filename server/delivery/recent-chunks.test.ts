import { describe, expect, test } from "bun:test";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { makePublications, makePush, room } from "../../tests/fakes/publication.ts";
import { makeSession, putInto } from "../../tests/fakes/session.ts";
import { sseForm } from "../../tests/fakes/wire-forms.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { WireForm } from "../session/wire-form.ts";
import { ListenedChannel } from "./listened-channel.ts";
import { cutChunk, RecentChunks, wireBytesOf } from "./recent-chunks.ts";

const pushes = [makePush(5), makePush(6, { excludeConnectionId: "c_excluded" }), makePush(7)];
const bytes = wireBytesOf(pushes);

function make(maxBytes = 1_000_000) {
  const clock = new MovedClock();
  const budget = { perChannel: 0, total: 0, bytes: 0, chunks: new ChunkPool() };
  const channel = new ListenedChannel(room, { epoch: "e1", offset: 100 }, budget);
  const lag = (cursor: number, id = "c_1", form?: WireForm) =>
    putInto(channel, makeSession(id, { connection: new FakeConnection(form) }).session, cursor);
  return { clock, lag, chunks: new RecentChunks(maxBytes, clock) };
}

describe("a recent chunk", () => {
  test("is there for sessions with the same cursor and wire form, for a second", () => {
    const { clock, chunks, lag } = make();
    const chunk = chunks.make(lag(4), pushes);
    expect(chunk).toMatchObject({ last: 7, count: 3, wireBytes: bytes });
    expect(chunks.after(lag(4, "c_2"))).toBe(chunk);
    expect(chunks.after(lag(5))).toBeUndefined();
    expect(chunks.after(lag(4, "c_2", sseForm))).toBeUndefined();
    const stream = chunks.make(lag(4, "c_3", sseForm), pushes);
    expect(chunks.after(lag(4, "c_4", sseForm))).toBe(stream);
    clock.move(999);
    expect(chunks.after(lag(4))).toBe(chunk);
    clock.move(1);
    expect([chunks.after(lag(4)), chunks.after(lag(4, "c_4", sseForm))]).toEqual([undefined, undefined]);
  });

  test("is not for a session that one of its messages excludes, and what that one gets is for no other", () => {
    const { chunks, lag } = make();
    const excluded = lag(4, "c_excluded");
    const own = chunks.make(excluded, pushes);
    expect(own.encoded[1]).toContain('"advance"');
    expect(chunks.after(lag(4))).toBeUndefined();
    chunks.make(lag(4), pushes);
    expect(chunks.after(excluded)).toBeUndefined();
  });

  test("is replaced by the next one beyond the limit, and older ones stay", () => {
    const { chunks, lag } = make(2 * bytes);
    const isKept = (cursor: number) => chunks.after(lag(cursor)) !== undefined;
    for (const cursor of [1, 2]) chunks.make(lag(cursor), pushes);
    chunks.make(lag(3), pushes); // at the limit: one more
    expect([1, 2, 3].map(isKept)).toEqual([true, true, true]);
    chunks.make(lag(4), pushes);
    chunks.make(lag(5), pushes);
    expect([1, 2, 3, 4, 5].map(isKept)).toEqual([true, true, false, false, true]);
  });

  test("is kept if it is the only one, whatever its size; made again, it counts once", () => {
    const { chunks, lag } = make(0);
    for (let count = 0; count < 3; count++) {
      const chunk = chunks.make(lag(4), pushes);
      expect(chunks.after(lag(4))).toBe(chunk);
    }
    chunks.make(lag(5), pushes);
    expect(chunks.after(lag(4))).toBeUndefined();
    expect(chunks.after(lag(5))).toBeDefined();
  });
});

test("a chunk is cut where it would exceed its size, and has at least one publication", () => {
  const publications = makePublications(1, 3);
  const cut = (maxBytes: number) => cutChunk(publications, maxBytes).map(({ publication }) => publication.offset);
  const two = wireBytesOf(cutChunk(publications.slice(0, 2), 1_000_000));
  expect([cut(0), cut(two - 1), cut(two), cut(1_000_000)]).toEqual([[1], [1], [1, 2], [1, 2, 3]]);
});
