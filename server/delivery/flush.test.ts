import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { FakeConnection } from "../../tests/fakes/connection.ts";
import { makePush, room } from "../../tests/fakes/publication.ts";
import { makeSession, putInto } from "../../tests/fakes/session.ts";
import { sseForm } from "../../tests/fakes/wire-forms.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { Batch } from "../session/batch.ts";
import type { Session } from "../session/session.ts";
import { Flush } from "./flush.ts";
import { ListenedChannel } from "./listened-channel.ts";

const other = "other" as ChannelName;

/** Two channels at 0, and a flush that only records its calls. */
function makeFlush() {
  const sessions = new Map<string, Session>();
  const full: Session[] = [];
  const refused: { session: Session; after: readonly (readonly [string, number])[] }[] = [];
  const postponed: typeof refused = [];
  const space = { bytes: Number.POSITIVE_INFINITY };
  const clock = new MovedClock();
  const flush = new Flush(
    {
      onFull: (session) => full.push(session),
      onRefused: (session, batches: readonly Batch[]) =>
        refused.push({ session, after: batches.map(({ channel, after }) => [channel, after]) }),
      onPostponed: (session, batches) => {
        postponed.push({ session, after: batches.map(({ channel, after }) => [channel, after]) });
        for (const { channel, after } of batches) {
          const membership = session.memberships.get(channel);
          if (membership !== undefined) channels.get(channel)?.makeLagging(membership, after);
        }
      },
      hasRoomFor: (bytes) => bytes <= space.bytes,
      sessionById: (id) => sessions.get(id),
    },
    clock,
  );
  const budget = { perChannel: 1_000_000, total: 1_000_000, bytes: 0, chunks: new ChunkPool() };
  const channels = new Map(
    [room, other].map((name) => [name, new ListenedChannel(name, { epoch: "e1", offset: 0 }, budget)]),
  );
  const channelOf = (name: ChannelName) =>
    channels.get(name) ?? new ListenedChannel(name, { epoch: "", offset: 0 }, budget);
  return {
    flush,
    clock,
    full,
    refused,
    postponed,
    space,
    room: channelOf(room),
    other: channelOf(other),
    come(id: string, connection = new FakeConnection(), names: readonly ChannelName[] = [room]) {
      const { session } = makeSession(id, { connection });
      sessions.set(id, session);
      for (const name of names) putInto(channelOf(name), session);
      return { session, connection };
    },
    append(name: ChannelName, offset: number, more = {}) {
      channelOf(name).tail.append(makePush(offset, { channel: name, ...more }));
      flush.mark(channelOf(name));
    },
  };
}

const seenBy = ({ accepted }: FakeConnection) =>
  accepted.map(({ type, channel, offset }) => `${type} ${channel} ${offset}`);

describe("a flush", () => {
  test("hands the unflushed messages to all level members, in order", () => {
    const { flush, come, append } = makeFlush();
    const guests = ["a", "b", "c"].map((id) => come(id));
    append(room, 1);
    append(room, 2);
    flush.run();
    for (const { connection } of guests) expect(seenBy(connection)).toEqual(["message room 1", "message room 2"]);
    expect(flush.counts).toEqual({ flushes: 1, writes: 3, deliveries: 6 });
  });

  test("sends a session the messages of all its channels in one write", () => {
    const { flush, come, append } = makeFlush();
    const { connection } = come("a", undefined, [room, other]);
    append(other, 1);
    append(room, 1);
    append(other, 2);
    flush.run();
    expect([connection.writes, seenBy(connection)]).toEqual([
      1,
      ["message other 1", "message other 2", "message room 1"],
    ]);
  });

  test("ends the write to a stream with the positions that it reached", () => {
    const { flush, come, append } = makeFlush();
    const connection = new FakeConnection(sseForm);
    const cursors: (string | undefined)[] = [];
    connection.onAccepted = ({ cursor }) => cursors.push(cursor);
    come("a", connection, [room, other]);
    append(other, 1);
    flush.run();
    append(room, 1);
    append(other, 2);
    flush.run();
    expect(cursors).toEqual(["room~e1~0,other~e1~1", "room~e1~1,other~e1~2"]);
  });

  test("sends nothing to lagging members", () => {
    const { flush, come, append, room: channel } = makeFlush();
    const { connection, session } = come("a");
    const membership = session.memberships.get(room);
    if (membership !== undefined) channel.makeLagging(membership, 0);
    append(room, 1);
    flush.run();
    expect([connection.accepted, channel.flushed]).toEqual([[], 1]);
  });

  test("tells a session that its socket is full after the write, and continues with the others", () => {
    const { flush, come, append, full } = makeFlush();
    const slow = come("a", new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 1000 }));
    slow.connection.stall();
    const quick = come("b");
    append(room, 1);
    flush.run();
    expect([full, seenBy(slow.connection), seenBy(quick.connection)]).toEqual([
      [slow.session],
      ["message room 1"],
      ["message room 1"],
    ]);
  });

  test("tells a session that accepts nothing its last position in each of its channels", () => {
    const { flush, come, append, refused } = makeFlush();
    const { connection, session } = come("a", new FakeConnection(undefined, { fullBytes: 0, refuseBytes: 0 }), [
      room,
      other,
    ]);
    append(room, 1);
    flush.run();
    connection.stall();
    session.sendFrame({ type: "pong" });
    append(room, 2);
    append(other, 1);
    flush.run();
    expect(refused).toEqual([
      {
        session,
        after: [
          ["room", 1],
          ["other", 0],
        ],
      },
    ]);
    expect(session.outbox).toEqual([]);
  });

  /** Three messages that do not fit into one write together. */
  function appendLarge(append: ReturnType<typeof makeFlush>["append"]): void {
    append(room, 1, { message: "x".repeat(200_000) });
    append(other, 1, { message: "x".repeat(70_000) });
    append(other, 0, { message: "now or never" });
  }

  test("splits a write that is too large between channels: a socket with room gets all parts, ephemeral messages included", () => {
    const { flush, come, append, postponed } = makeFlush();
    const { connection, session } = come("a", undefined, [room, other]);
    appendLarge(append);
    flush.run();
    expect([connection.writes, connection.accepted.map(({ offset }) => offset)]).toEqual([2, [1, 1, undefined]]);
    expect([session.outbox, session.cursor(), postponed]).toEqual([[], "room~e1~1,other~e1~1", []]);
  });

  test("postpones the parts that come after the one that filled a socket", () => {
    const { flush, come, append, postponed, full } = makeFlush();
    const { connection, session } = come("a", undefined, [room, other]);
    connection.stall();
    appendLarge(append);
    flush.run();
    expect([seenBy(connection), full]).toEqual([["message room 1"], [session]]);
    expect(postponed.map(({ after }) => after)).toEqual([[["other", 0]]]);
    expect([session.outbox, session.cursor()]).toEqual([[], "room~e1~1,other~e1~0"]);
  });

  test("postpones all parts from the first one for which there is no room among the buffered bytes", () => {
    const { flush, come, append, postponed, space } = makeFlush();
    const { connection } = come("a", undefined, [room, other]);
    connection.onAccepted = () => {
      space.bytes = 0;
    };
    appendLarge(append);
    flush.run();
    expect(seenBy(connection)).toEqual(["message room 1"]);
    expect(postponed.map(({ after }) => after)).toEqual([[["other", 0]]]);
  });

  test("gives a stream one part per flush, whose cursor covers only what was written", () => {
    const { flush, come, append, postponed } = makeFlush();
    const connection = new FakeConnection(sseForm);
    const cursors: (string | undefined)[] = [];
    connection.onAccepted = ({ cursor }) => cursors.push(cursor);
    const { session } = come("a", connection, [room, other]);
    appendLarge(append);
    flush.run();
    expect([seenBy(connection), cursors]).toEqual([["message room 1"], ["room~e1~1,other~e1~0"]]);
    expect(session.outbox).toEqual([]);
    expect(postponed.map(({ after }) => after)).toEqual([[["other", 0]]]);
  });

  test("does not split the largest allowed write", () => {
    const { flush, come, append, postponed } = makeFlush();
    const { connection } = come("a", undefined, [room, other]);
    append(room, 1, { message: "x".repeat(200_000) });
    append(other, 1, { message: "x".repeat(60_000) });
    flush.run();
    expect([connection.writes, seenBy(connection), postponed]).toEqual([1, ["message room 1", "message other 1"], []]);
  });

  test("postpones a large batch if the buffered bytes leave no room for it", () => {
    const { flush, come, append, postponed, space } = makeFlush();
    const guests = [come("a"), come("b")];
    space.bytes = 70_000;
    append(room, 1, { message: "x".repeat(100_000) });
    flush.run();
    expect(guests.map(({ connection }) => connection.writes)).toEqual([0, 0]);
    expect(postponed.map(({ after }) => after)).toEqual([[["room", 0]], [["room", 0]]]);
    expect(guests.map(({ session }) => session.cursor())).toEqual(["room~e1~0", "room~e1~0"]);
  });

  test("writes a small batch however much is buffered", () => {
    const { flush, come, append, space } = makeFlush();
    const { connection } = come("a");
    space.bytes = 0;
    append(room, 1);
    flush.run();
    expect(connection.writes).toBe(1);
  });

  test("sends an excluded session an advance in place of the message, in order with the rest", () => {
    const { flush, come, append } = makeFlush();
    const [a, b] = [come("a"), come("b")];
    append(room, 1);
    append(room, 2, { excludeConnectionId: "a" });
    append(room, 3);
    flush.run();
    expect(seenBy(a.connection)).toEqual(["message room 1", "advance room 2", "message room 3"]);
    expect(seenBy(b.connection)).toEqual(["message room 1", "message room 2", "message room 3"]);
  });

  test("writes nothing to a session that is excluded from every message", () => {
    const { flush, come, append } = makeFlush();
    const [a, b] = [come("a", undefined, [room, other]), come("b")];
    append(room, 0, { excludeConnectionId: "a" });
    flush.run();
    expect([a.connection.writes, b.connection.writes]).toEqual([0, 1]);
    append(room, 0, { excludeConnectionId: "a" });
    append(other, 1);
    flush.run();
    expect([a.connection.writes, seenBy(a.connection)]).toEqual([1, ["message other 1"]]);
  });

  test("ignores an exclusion for a channel that the session is not in", () => {
    const { flush, come, append } = makeFlush();
    const a = come("a", undefined, [other]);
    const b = come("b");
    append(room, 1, { excludeConnectionId: "a" });
    append(other, 1);
    flush.run();
    expect([seenBy(a.connection), seenBy(b.connection)]).toEqual([["message other 1"], ["message room 1"]]);
  });

  test("writes nothing if there is nothing new", () => {
    const { flush, come, room: channel } = makeFlush();
    const { connection } = come("a");
    flush.mark(channel);
    flush.run();
    flush.run();
    expect([flush.counts.writes, connection.writes]).toEqual([0, 0]);
  });
});

describe("the histograms", () => {
  test("count a publication once per connection, with the time since it was stored", () => {
    const it = makeFlush();
    it.come("a");
    it.come("b");
    it.append(room, 1, { timestamp: it.clock.now() });
    it.clock.move(7);
    it.flush.run();
    const { latency, publications } = it.flush.measures;
    expect(latency.cumulative()).toEqual([0, 0, 0, ...Array(11).fill(2)]);
    expect(latency.sum).toBeCloseTo(0.014);
    expect(publications.cumulative().at(-1)).toBe(it.flush.counts.writes);
  });

  test("count the publications of one write over all channels", () => {
    const it = makeFlush();
    it.come("a", new FakeConnection(), [room, other]);
    it.come("b");
    for (const offset of [1, 2]) it.append(room, offset);
    it.append(other, 1);
    it.flush.run();
    const { latency, publications, bytes } = it.flush.measures;
    expect(it.flush.counts.writes).toBe(2);
    expect(publications.cumulative().slice(0, 3)).toEqual([0, 1, 2]); // two for b, three for a
    expect(publications.sum).toBe(5);
    expect(bytes.sum).toBe(2 * 2 * makePush(1).wireBytes + makePush(1, { channel: other }).wireBytes);
    expect(latency.cumulative().at(-1)).toBe(it.flush.counts.deliveries);
  });

  test("count no write that the connection did not accept", () => {
    const it = makeFlush();
    it.come("a", new FakeConnection(undefined, { fullBytes: -2, refuseBytes: -1 }));
    it.append(room, 1);
    it.flush.run();
    expect(it.flush.measures.bytes.cumulative().at(-1)).toBe(0);
  });

  test("count no time below zero for a publication whose clock was ahead", () => {
    const it = makeFlush();
    it.come("a");
    it.append(room, 1, { timestamp: it.clock.now() + 5000 });
    it.flush.run();
    expect(it.flush.measures.latency.sum).toBe(0);
  });
});
