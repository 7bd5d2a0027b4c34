import { describe, expect, test } from "bun:test";
import { FakeConnection, type SocketRoom } from "../../tests/fakes/connection.ts";
import { makePublications, makePush, room } from "../../tests/fakes/publication.ts";
import { makeSession, putInto } from "../../tests/fakes/session.ts";
import type { History } from "../broker/log.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { Session } from "../session/session.ts";
import { ListenedChannel } from "./listened-channel.ts";
import { Pump } from "./pump.ts";

/** A channel whose tail keeps everything from `tailFrom` to 10; the test answers history requests. */
function makePump({
  tailFrom = 1,
  tailBytes = 1_000_000,
  message,
}: {
  tailFrom?: number;
  tailBytes?: number;
  message?: string;
} = {}) {
  const more = message === undefined ? {} : { message };
  const clock = new MovedClock();
  const tails = { perChannel: tailBytes, total: tailBytes, bytes: 0, chunks: new ChunkPool() };
  const channel = new ListenedChannel(room, { epoch: "e1", offset: tailFrom - 1 }, tails);
  const append = (from: number, to: number) => {
    for (const it of makePublications(from, to)) channel.tail.append(makePush(it.offset, more));
  };
  append(tailFrom, 10);
  channel.tail.flush();
  const asked: { after: number; maxBytes: number; answer(history: History): void; fail(): void }[] = [];
  const level: Session[] = [];
  const space = { bytes: Number.POSITIVE_INFINITY };
  const budget = { bytes: Number.POSITIVE_INFINITY };
  const pump = new Pump(
    {
      get: () => channel,
      history: (_, since, { maxBytes }) =>
        new Promise((resolve, reject) => {
          const after = since.from === "position" ? since.position.offset : -1;
          asked.push({ after, maxBytes, answer: resolve, fail: () => reject(new Error("away")) });
        }),
      onFull: (session) => {
        session.isBlocked = true;
      },
      onLevel: (session) => level.push(session),
      onGap: () => undefined,
      hasRoomFor: (bytes) => bytes <= space.bytes,
      accountOf: () => ({
        waitFor: () => (budget.bytes > 0 ? 0 : 1000),
        spend: (_, bytes) => {
          budget.bytes -= bytes;
        },
      }),
    },
    1_000_000,
    clock,
  );
  return {
    clock,
    channel,
    pump,
    asked,
    level,
    space,
    budget,
    append,
    /** A lagging member positioned after `cursor`. */
    lag(cursor: number, id = "c_1", socketRoom?: SocketRoom) {
      const guest = makeSession(id, { connection: new FakeConnection(undefined, socketRoom) });
      const membership = putInto(channel, guest.session, cursor);
      pump.add(guest.session);
      return { ...guest, membership };
    },
    async page(from: number, to: number, top = 10, epoch = "e1") {
      const publications = makePublications(from, to, { ...more, epoch });
      asked.at(-1)?.answer({ top: { epoch, offset: top }, publications, gap: undefined });
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

const offsetsOf = ({ accepted }: FakeConnection) => accepted.map(({ type, event, offset }) => offset ?? event ?? type);
const gapsOf = (connection: FakeConnection) => connection.of("gap").map(({ from, to }) => [from, to]);

describe("the pump", () => {
  test("moves a session from its cursor to the flushed position, and makes it level in that turn", () => {
    const { lag, clock, level } = makePump();
    const { connection, membership, session } = lag(6);
    clock.move(0);
    expect([offsetsOf(connection), membership.isLevel, level]).toEqual([[7, 8, 9, 10], true, [session]]);
  });

  test("never sends publications before they are flushed", () => {
    const { lag, clock, append, channel } = makePump();
    const { connection, membership } = lag(8);
    append(11, 12);
    clock.move(0);
    expect([offsetsOf(connection), membership.isLevel, channel.flushed]).toEqual([[9, 10], true, 10]);
  });

  test("a session at the flushed position receives nothing and becomes level", () => {
    const { lag, clock } = makePump();
    const { connection, membership } = lag(10);
    clock.move(0);
    expect([connection.accepted, membership.isLevel]).toEqual([[], true]);
  });

  test("stops when the socket is full, and resumes from there", () => {
    const { lag, clock, pump } = makePump();
    const { connection, session, membership } = lag(6, "c_1", { fullBytes: 0, refuseBytes: 0 });
    connection.stall();
    clock.move(0);
    expect([session.isBlocked, membership.isLevel, membership.cursor]).toEqual([true, false, 10]);
    session.isBlocked = false;
    pump.add(session);
    clock.move(0);
    expect([offsetsOf(connection), membership.isLevel]).toEqual([[7, 8, 9, 10], true]);
  });

  test("sends again what the socket did not accept", () => {
    const { lag, clock, pump } = makePump();
    const { connection, session, membership } = lag(6, "c_1", { fullBytes: 0, refuseBytes: 0 });
    connection.stall();
    session.sendFrame({ type: "pong" });
    clock.move(0);
    expect([offsetsOf(connection), session.isBlocked, membership.cursor]).toEqual([["pong"], true, 6]);
    connection.resume();
    session.isBlocked = false;
    pump.add(session);
    clock.move(0);
    expect(offsetsOf(connection)).toEqual(["pong", 7, 8, 9, 10]);
  });

  test("skips messages that exclude the session", () => {
    const { lag, clock, channel } = makePump();
    channel.tail.append(makePush(11, { excludeConnectionId: "c_1" }));
    channel.tail.flush();
    const { connection } = lag(9);
    clock.move(0);
    expect(connection.accepted.map(({ type, offset }) => [type, offset])).toEqual([
      ["message", 10],
      ["advance", 11],
    ]);
  });

  test("yields to other work after serving many sessions", () => {
    const { lag, clock } = makePump();
    const guests = Array.from({ length: 40 }, (_, index) => lag(9, `c_${index}`));
    const served = () => guests.filter(({ connection }) => connection.accepted.length > 0).length;
    let turns = 0;
    const other = () => {
      turns++;
      expect(served()).toBe(32);
    };
    clock.setImmediate(other);
    clock.move(0);
    expect([served(), turns]).toEqual([40, 1]);
  });

  test("serves fewer sessions per turn when each receives a lot", () => {
    const { lag, clock } = makePump({ message: "x".repeat(1024 ** 2), tailBytes: 1024 ** 3 });
    const guests = Array.from({ length: 4 }, (_, index) => lag(9, `c_${index}`));
    const served = () => guests.filter(({ connection }) => connection.accepted.length > 0).length;
    const turns: number[] = [];
    clock.setImmediate(() => turns.push(served()));
    clock.move(0);
    expect([turns, served()]).toEqual([[2], 4]);
  });

  test("does not serve a session that was removed", () => {
    const { lag, clock, pump } = makePump();
    const { connection, session } = lag(6);
    pump.remove(session);
    clock.move(0);
    expect(connection.accepted).toEqual([]);
  });
});

/** Three of them fit into the 64 KiB of one turn. Four do not. */
const third = "x".repeat(21_500);

describe("the amount that the pump sends in one turn", () => {
  test("is 64 KiB from the tail, and each publication is sent once, wherever the limit falls", () => {
    const { lag, clock } = makePump({ message: third });
    const { connection, membership } = lag(0);
    const writes = writesOf(connection);
    clock.move(0);
    expect(writes.map(({ offsets }) => offsets)).toEqual([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]);
    expect(Math.max(...writes.map(({ bytes }) => bytes))).toBeLessThanOrEqual(64 * 1024);
    expect(membership.isLevel).toBe(true);
  });

  test("is 64 KiB from history too, across page boundaries", async () => {
    const { lag, clock, asked, page } = makePump({ tailBytes: 0, message: third });
    const { connection, membership } = lag(0);
    const writes = writesOf(connection);
    for (const last of [4, 9, 10, 10]) {
      clock.move(0);
      await page((asked.at(-1)?.after ?? 0) + 1, last);
    }
    clock.move(0);
    expect(writes.map(({ offsets }) => offsets)).toEqual([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10]]);
    expect(asked.map(({ after, maxBytes }) => [after, maxBytes])).toEqual([0, 3, 6, 9].map((it) => [it, 64 * 1024]));
    expect(membership.isLevel).toBe(true);
  });

  test("continues in the tail where history ends, within one channel", async () => {
    const { lag, clock, page } = makePump({ tailFrom: 6, message: third });
    const { connection } = lag(1);
    const writes = writesOf(connection);
    clock.move(0);
    await page(2, 5);
    clock.move(0);
    await page(5, 7);
    clock.move(0);
    expect(writes.map(({ offsets }) => offsets)).toEqual([
      [2, 3, 4],
      [5, 6, 7],
      [8, 9, 10],
    ]);
  });

  test.each([
    ["the tail", 1_000_000_000],
    ["history", 0],
  ])("is one publication from %s if that alone is larger", async (_, tailBytes) => {
    const { lag, clock, asked, page } = makePump({ tailBytes, message: "x".repeat(100_000) });
    const { connection } = lag(8);
    const writes = writesOf(connection);
    for (const offset of [9, 10]) {
      clock.move(0);
      if (asked.length > 0) await page(offset, 10);
    }
    clock.move(0);
    expect(writes.map(({ offsets }) => offsets)).toEqual([[9], [10]]);
  });

  test("is counted in bytes on the wire, where an escape takes six", async () => {
    const { lag, clock, page, asked } = makePump({ tailBytes: 0, message: "\u0001".repeat(4000) });
    const { connection } = lag(0);
    const writes = writesOf(connection);
    while (!writes.some(({ offsets }) => offsets.includes(10))) {
      clock.move(0);
      await page((asked.at(-1)?.after ?? 0) + 1, 10);
    }
    expect(writes.map(({ offsets }) => offsets)).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
      [9, 10],
    ]);
  });
});

describe("a large publication without room in the buffer", () => {
  test.each([
    ["one byte", "x", 1],
    ["three bytes", "漢", 3],
    ["six bytes", "\u0001", 6],
  ])("is measured on the wire, where a character takes %s", async (_, character, bytes) => {
    const { lag, clock, space } = makePump({ tailBytes: 1e9, message: character.repeat(100_000) });
    space.bytes = bytes * 100_000;
    const { connection } = lag(9);
    clock.move(0);
    expect(connection.accepted).toEqual([]);
    space.bytes += 1000;
    await clock.moveInSteps(100, 50);
    expect(offsetsOf(connection)).toEqual([10]);
  });

  test("is not requested from history again until there is room", async () => {
    const { lag, clock, asked, page, space } = makePump({ tailBytes: 0, message: "x".repeat(100_000) });
    const { connection } = lag(9);
    space.bytes = 0;
    clock.move(0);
    await page(10, 10);
    await clock.moveInSteps(1000, 50);
    expect([connection.accepted, asked.length]).toEqual([[], 1]);
    space.bytes = 200_000;
    await clock.moveInSteps(100, 50);
    expect(asked.length).toBe(2);
    await page(10, 10);
    expect(offsetsOf(connection)).toEqual([10]);
  });
});

describe("catching up after a join", () => {
  test("is charged to its client, but later messages are not", () => {
    const { lag, clock, append, channel, pump, budget } = makePump({ message: "x".repeat(1000) });
    budget.bytes = 100_000;
    const { connection, session, membership } = lag(5);
    clock.move(0);
    const charged = 100_000 - budget.bytes;
    expect(charged).toBeWithin(5000, 6000); // five messages
    append(11, 12);
    channel.tail.flush();
    channel.makeLagging(membership, 10); // as if its socket had been full
    pump.add(session);
    clock.move(0);
    expect([offsetsOf(connection), 100_000 - budget.bytes]).toEqual([[6, 7, 8, 9, 10, 11, 12], charged]);
  });

  test("is still charged as such if it has to wait for the socket", () => {
    const { lag, clock, pump, budget } = makePump({ message: third });
    budget.bytes = 1_000_000;
    const { connection, session } = lag(0, "c_1", { fullBytes: 0, refuseBytes: 0 });
    connection.stall();
    clock.move(0);
    const charged = () => 1_000_000 - budget.bytes;
    expect(charged()).toBeWithin(64_000, 66_000);
    connection.resume();
    session.isBlocked = false;
    pump.add(session);
    clock.move(0);
    expect(charged()).toBeWithin(215_000, 220_000);
  });

  test("waits once the budget is used up, and nothing is lost", async () => {
    const { lag, clock, budget } = makePump({ message: third });
    budget.bytes = 1;
    const { connection, membership } = lag(3);
    clock.move(0);
    expect([offsetsOf(connection), membership.isLevel]).toEqual([[4, 5, 6], false]);
    await clock.moveInSteps(1000, 50);
    expect(offsetsOf(connection)).toEqual([4, 5, 6]);
    budget.bytes = 1_000_000;
    await clock.moveInSteps(50, 50);
    expect([offsetsOf(connection), membership.isLevel]).toEqual([[4, 5, 6, 7, 8, 9, 10], true]);
  });

  test("is not requested from history while the budget is used up", async () => {
    const { lag, clock, asked, page, budget } = makePump({ tailBytes: 0 });
    budget.bytes = 0;
    const { connection } = lag(8);
    clock.move(0);
    await clock.moveInSteps(1000, 50);
    expect(asked).toHaveLength(0);
    budget.bytes = 1;
    await clock.moveInSteps(50, 50);
    await page(9, 10);
    expect(offsetsOf(connection)).toEqual([9, 10]);
  });

  test("is charged in advance while its page is fetched, so that others of the client wait; the rest is given back", async () => {
    const { lag, clock, asked, page, budget } = makePump({ tailBytes: 0 });
    budget.bytes = 1;
    const [first, second] = [lag(8), lag(9)];
    clock.move(0);
    expect(asked.map(({ after }) => after)).toEqual([8]);
    await page(9, 10);
    expect(offsetsOf(first.connection)).toEqual([9, 10]);
    expect(budget.bytes).toBeWithin(-300, 0);
    budget.bytes = 1;
    await clock.moveInSteps(50, 50);
    await page(10, 10);
    expect(offsetsOf(second.connection)).toEqual([10]);
  });
});

describe("sessions that lag at the same position", () => {
  const sizes = [
    ["the tail", 1_000_000_000],
    ["history", 0],
  ] as const;

  test.each(sizes)("share one encoding of the messages from %s", async (_, tailBytes) => {
    const { lag, clock, asked } = makePump({ tailBytes, message: "x".repeat(100_000) });
    const publications = makePublications(10, 10, { message: "x".repeat(100_000) });
    const guests = ["c_1", "c_2", "c_3"].map((id) => lag(9, id));
    const encodings: unknown[] = [];
    for (const { session } of guests) {
      const { connection } = session;
      const send = connection.send.bind(connection);
      connection.send = (encoded) => {
        encodings.push(encoded);
        return send(encoded);
      };
    }
    clock.move(0);
    for (const { answer } of asked) answer({ top: { epoch: "e1", offset: 10 }, publications, gap: undefined });
    await new Promise((resolve) => setImmediate(resolve));
    expect(encodings).toHaveLength(3);
    expect(new Set(encodings).size).toBe(1);
  });
});

describe("a page of history", () => {
  test("is read once for sessions with the same cursor, also for one that joins a little later", async () => {
    const { lag, clock, asked, page } = makePump({ tailFrom: 11 });
    const first = lag(7, "c_1");
    clock.move(0);
    await page(8, 10);
    const second = lag(7, "c_2");
    clock.move(999);
    expect([first, second].map(({ connection }) => offsetsOf(connection))).toEqual([
      [8, 9, 10],
      [8, 9, 10],
    ]);
    expect(asked).toHaveLength(1);
    clock.move(1);
    lag(7, "c_3");
    clock.move(0);
    expect(asked).toHaveLength(2);
  });

  test("is read again for a session whose cursor is older, so that its gap has exact ends", async () => {
    const { lag, clock, page } = makePump({ tailFrom: 11 });
    lag(7, "c_1");
    clock.move(0);
    await page(8, 10);
    const older = lag(4, "c_2");
    clock.move(0);
    await page(8, 10);
    expect(gapsOf(older.connection)).toEqual([[5, 7]]);
    expect(offsetsOf(older.connection).slice(1)).toEqual([8, 9, 10]);
  });
});

/** The offsets and the bytes of each write. */
function writesOf(connection: FakeConnection) {
  const writes: { readonly offsets: readonly (number | undefined)[]; readonly bytes: number }[] = [];
  connection.onAccepted = ({ frames }) => {
    const bytes = frames.reduce((sum, frame) => sum + Buffer.byteLength(JSON.stringify(frame)), 0);
    writes.push({ offsets: frames.map(({ offset }) => offset), bytes });
  };
  return writes;
}

describe("the pump, for a position older than the tail,", () => {
  test("requests history, and continues from the tail as soon as possible", async () => {
    const { lag, clock, asked, page } = makePump({ tailFrom: 9 });
    const { connection, membership } = lag(2);
    clock.move(0);
    expect(asked.map(({ after }) => after)).toEqual([2]);
    await page(3, 8);
    clock.move(0);
    expect([offsetsOf(connection), membership.isLevel, asked.length]).toEqual([[3, 4, 5, 6, 7, 8, 9, 10], true, 1]);
  });

  test("announces messages that history no longer has once, with both ends", async () => {
    const { lag, clock, page } = makePump({ tailFrom: 9 });
    const { connection, membership } = lag(2);
    clock.move(0);
    await page(6, 10);
    clock.move(0);
    expect(offsetsOf(connection)).toEqual(["gap", 6, 7, 8, 9, 10]);
    expect([gapsOf(connection), membership.isLevel]).toEqual([[[3, 5]], true]);
  });

  test("sends a gap up to the flushed position if history keeps nothing, then live messages", async () => {
    const { lag, clock, page, channel } = makePump({ tailBytes: 0 });
    const { connection, membership } = lag(2);
    clock.move(0);
    await page(11, 10);
    clock.move(0);
    expect([gapsOf(connection), membership.isLevel, membership.cursor]).toEqual([[[3, 10]], true, channel.flushed]);
  });

  test("leaves unflushed publications to the next flush", async () => {
    const { lag, clock, page, append } = makePump({ tailBytes: 0 });
    const { connection } = lag(8);
    append(11, 12);
    clock.move(0);
    await page(9, 12, 12);
    expect(offsetsOf(connection)).toEqual([9, 10]);
  });

  test("requests again what was published after the request, and reports no gap for it", async () => {
    const { lag, clock, page, append, channel, asked } = makePump({ tailBytes: 0 });
    const { connection, membership } = lag(8);
    clock.move(0);
    append(11, 12);
    channel.tail.flush();
    await page(11, 10, 10);
    expect(gapsOf(connection)).toEqual([[9, 10]]);
    clock.move(0);
    expect(asked.map(({ after }) => after)).toEqual([8, 10]);
    await page(11, 12, 12);
    clock.move(0);
    expect([offsetsOf(connection), membership.isLevel]).toEqual([["gap", 11, 12], true]);
  });

  test("neither reports a gap nor asks again at once if history is behind", async () => {
    const { lag, clock, page, asked } = makePump({ tailBytes: 0 });
    const { connection } = lag(8);
    clock.move(0);
    await page(9, 8, 8);
    clock.move(0);
    expect([connection.accepted, asked.length]).toEqual([[], 1]);
    await clock.moveInSteps(200, 50);
    await page(9, 10);
    expect(offsetsOf(connection)).toEqual([9, 10]);
  });

  test("retries after a while if history fails", async () => {
    const { lag, clock, page, asked } = makePump({ tailBytes: 0 });
    const { connection } = lag(8);
    clock.move(0);
    asked[0]?.fail();
    await clock.moveInSteps(200, 50);
    expect(asked.length).toBe(2);
    await page(9, 10);
    expect(offsetsOf(connection)).toEqual([9, 10]);
  });

  test("drops a page that arrives when the socket is full again, and requests it again later", async () => {
    const { lag, clock, page, asked, pump } = makePump({ tailBytes: 0 });
    const { connection, session, membership } = lag(8);
    clock.move(0);
    session.isBlocked = true;
    await page(9, 10);
    expect([connection.accepted, membership.cursor]).toEqual([[], 8]);
    session.isBlocked = false;
    pump.add(session);
    clock.move(0);
    await page(9, 10);
    expect([offsetsOf(connection), asked.length]).toEqual([[9, 10], 2]);
  });

  test("drops a page of another epoch", async () => {
    const { lag, clock, page, channel } = makePump({ tailBytes: 0 });
    const { connection, membership } = lag(8);
    clock.move(0);
    channel.tail.reset({ epoch: "e2", offset: 3 });
    membership.moveTo(3);
    await page(9, 10);
    clock.move(0);
    expect([connection.accepted, membership.isLevel]).toEqual([[], true]);
  });

  test("stops waiting for a history that is behind after a reset", async () => {
    const { lag, clock, page, channel, asked } = makePump({ tailBytes: 0 });
    const { membership } = lag(8);
    clock.move(0);
    await page(1, 0, 0, "e2");
    channel.tail.reset({ epoch: "e2", offset: 0 });
    membership.moveTo(0);
    await clock.moveInSteps(200, 50);
    expect([membership.isLevel, asked.length]).toEqual([true, 1]);
  });

  test("drops a page for a session that left", async () => {
    const { lag, clock, page, channel } = makePump({ tailBytes: 0 });
    const { connection, membership } = lag(8);
    clock.move(0);
    channel.remove(membership);
    await page(9, 10);
    expect(connection.accepted).toEqual([]);
  });

  test("has at most one request in flight per membership", () => {
    const { lag, clock, pump, asked } = makePump({ tailBytes: 0 });
    const { session } = lag(8);
    clock.move(0);
    pump.add(session);
    clock.move(0);
    expect(asked.length).toBe(1);
  });

  test("backs off while history fails", async () => {
    const it = makePump({ tailFrom: 8 });
    it.lag(0);
    const askedBy: number[] = [];
    for (let second = 0; second < 30; second++) {
      for (let step = 0; step < 20; step++) {
        it.asked.at(-1)?.fail();
        await it.clock.moveInSteps(50, 50);
      }
      askedBy.push(it.asked.length);
    }
    expect(askedBy[0]).toBeWithin(2, 7);
    expect((askedBy[29] ?? 0) - (askedBy[9] ?? 0)).toBeWithin(3, 10);
  });

  test("holds a large chunk back while there is no room for it, then retries on its own", async () => {
    const it = makePump();
    it.channel.tail.append(makePush(11, { message: "x".repeat(100_000) }));
    it.channel.tail.flush();
    it.space.bytes = 0;
    const { connection, membership } = it.lag(10);
    await it.clock.moveInSteps(1000, 10);
    expect([connection.writes, membership.cursor]).toEqual([0, 10]);
    it.space.bytes = Number.POSITIVE_INFINITY;
    await it.clock.moveInSteps(100, 10);
    expect([offsetsOf(connection), membership.isLevel]).toEqual([[11], true]);
  });

  test("holds nothing back for a session that left in the meantime", async () => {
    const it = makePump();
    it.channel.tail.append(makePush(11, { message: "x".repeat(100_000) }));
    it.channel.tail.flush();
    it.space.bytes = 0;
    const { connection, session } = it.lag(10);
    await it.clock.moveInSteps(20, 10);
    it.pump.remove(session);
    it.space.bytes = Number.POSITIVE_INFINITY;
    await it.clock.moveInSteps(200, 10);
    expect(connection.writes).toBe(0);
  });
});
