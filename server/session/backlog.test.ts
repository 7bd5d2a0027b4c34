import { afterEach, describe, expect, test } from "bun:test";
import { MovedClock } from "../lib/moved-clock.ts";
import { Backlog, type Holder } from "./backlog.ts";
import type { StallCause } from "./connection.ts";

const slowTimeoutMs = 60_000;
const sendBufferBytes = 1000;
let clock = new MovedClock();
let backlog = new Backlog({ slowTimeoutMs, sendBufferBytes }, clock);
afterEach(() => {
  backlog.close();
  clock = new MovedClock();
  backlog = new Backlog({ slowTimeoutMs, sendBufferBytes }, clock);
});

/** A clock with late timers, as in a process that was suspended for a while. */
class LateClock extends MovedClock {
  sleepMs = 0;
  #lateMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.#lateMs;
  }

  override setTimeout(run: () => void, ms: number) {
    return super.setTimeout(() => {
      this.#lateMs += this.sleepMs;
      run();
    }, ms);
  }
}

/** Holds bytes that the test reads, with or without a notification. */
class TestHolder implements Holder {
  memory?: () => number;
  bytes = 0;
  readonly stalls: StallCause[] = [];

  constructor(bytes = 0) {
    this.hold(bytes);
  }

  hold(bytes: number): void {
    this.bytes = bytes;
    backlog.note(this, bytes);
  }

  buffered(): number {
    return this.bytes;
  }

  onStall(cause: StallCause): void {
    this.stalls.push(cause);
    if (cause === "no-room") this.bytes = 0;
  }
}

/** Has read all its buffered bytes at once. */
function quickReader(): TestHolder {
  const reader = new TestHolder(1);
  reader.hold(0);
  return reader;
}

const stallsOf = (...holders: readonly TestHolder[]) => holders.map(({ stalls }) => stalls);

describe("a session with buffered bytes", () => {
  test.each([1, 64 * 1024])("is closed after the whole timeout without progress, and not before: %i bytes", (bytes) => {
    backlog = new Backlog({ slowTimeoutMs, sendBufferBytes: 1e6 }, clock);
    const holder = new TestHolder(bytes);
    clock.move(slowTimeoutMs - 1);
    expect(holder.stalls).toEqual([]);
    clock.move(1001);
    expect(holder.stalls).toEqual(["no-progress"]);
  });

  test("may read as slowly as it likes, whether its progress is reported or not", () => {
    const [informed, silent] = [new TestHolder(100), new TestHolder(100)];
    for (let left = 99; left > 0; left--) {
      clock.move(slowTimeoutMs - 2000);
      informed.hold(left);
      silent.bytes = left;
    }
    expect(stallsOf(informed, silent)).toEqual([[], []]);
  });

  test("does not count bytes that are added to its buffer as progress", () => {
    const holder = new TestHolder(1);
    for (let second = 0; second < 62; second++) {
      clock.move(1000);
      holder.hold(holder.bytes + 1);
    }
    expect(holder.stalls).toEqual(["no-progress"]);
  });

  test("makes progress even if as much was added as it read", () => {
    const holder = new TestHolder(10);
    for (let round = 0; round < 5; round++) {
      clock.move(slowTimeoutMs - 2000);
      backlog.progress(holder, 10);
    }
    expect(holder.stalls).toEqual([]);
  });

  test("is told within a second of progress that no event reported", () => {
    const holder = new TestHolder(100);
    let drains = 0;
    const informed = Object.assign(holder, { onDrain: () => drains++ });
    clock.move(1000);
    expect(drains).toBe(0);
    informed.bytes = 40;
    clock.move(1000);
    expect([drains, backlog.bytes]).toEqual([1, 40]);
    informed.bytes = 0;
    clock.move(1000);
    expect([drains, backlog.bytes, backlog.size]).toEqual([2, 0, 0]);
  });

  test("that has read everything is forgotten, and its time starts again with the next buffered bytes", () => {
    const holder = new TestHolder(10);
    clock.move(slowTimeoutMs - 1000);
    holder.hold(0);
    expect([backlog.size, backlog.bytes]).toEqual([0, 0]);
    holder.hold(10);
    clock.move(slowTimeoutMs - 1000);
    expect(holder.stalls).toEqual([]);
    clock.move(2000);
    expect(holder.stalls).toEqual(["no-progress"]);
  });

  test("keeps its deadline when the wall clock is set forward", () => {
    const holder = new TestHolder(10);
    clock.set(3_600_000);
    clock.move(5000);
    expect(holder.stalls).toEqual([]);
  });

  test("is not charged for the time during which this process was suspended", () => {
    const late = new LateClock();
    backlog = new Backlog({ slowTimeoutMs, sendBufferBytes }, late);
    const holder = new TestHolder(10);
    late.sleepMs = slowTimeoutMs;
    late.move(1000);
    expect(holder.stalls).toEqual([]);
    late.sleepMs = 0;
    late.move(slowTimeoutMs + 1000);
    expect(holder.stalls).toEqual(["no-progress"]);
  });

  test("that cannot be closed does not stop the check of the others", () => {
    const bad = new TestHolder(10);
    bad.onStall = () => {
      throw new Error("a bug");
    };
    clock.move(10);
    const good = new TestHolder(10);
    clock.move(slowTimeoutMs + 1000);
    expect(good.stalls).toEqual(["no-progress"]);
    const later = new TestHolder(10);
    clock.move(slowTimeoutMs + 1000);
    expect(later.stalls).toEqual(["no-progress"]);
  });

  test("is not checked after the end", () => {
    const holder = new TestHolder(10);
    backlog.close();
    clock.move(2 * slowTimeoutMs);
    expect(holder.stalls).toEqual([]);
  });
});

describe("the total of buffered bytes", () => {
  test("may reach the limit. One byte more closes the session that has gone longest without reading.", () => {
    const oldest = new TestHolder(400);
    clock.move(10);
    const middle = new TestHolder(400);
    clock.move(10);
    const newest = new TestHolder(200);
    expect([backlog.bytes, stallsOf(oldest, middle, newest)]).toEqual([1000, [[], [], []]]);
    newest.hold(201);
    expect([backlog.bytes, stallsOf(oldest, middle, newest)]).toEqual([601, [["no-room"], [], []]]);
  });

  test("spares sessions that have read something, as far as possible", () => {
    const reading = new TestHolder(400);
    clock.move(10);
    const stuck = new TestHolder(400);
    clock.move(10);
    reading.bytes = 399;
    const newest = new TestHolder(300);
    expect([backlog.bytes, stallsOf(reading, stuck, newest)]).toEqual([699, [[], ["no-room"], []]]);
  });

  test("is limited even if every session reads a little", () => {
    const holders = Array.from({ length: 10 }, () => new TestHolder(100));
    for (const holder of holders) holder.bytes = 99;
    new TestHolder(500);
    expect(backlog.bytes).toBeLessThanOrEqual(sendBufferBytes);
    expect(holders.filter(({ stalls }) => stalls.length > 0)).toHaveLength(5);
  });

  test("allows a single session above the limit", () => {
    const holder = new TestHolder(5000);
    expect([holder.stalls, backlog.bytes]).toEqual([[], 5000]);
  });

  test("leaves room for a write up to the limit and not beyond", () => {
    new TestHolder(400);
    const quick = quickReader();
    expect([backlog.hasRoomFor(600, quick), backlog.hasRoomFor(601, quick)]).toEqual([true, false]);
  });

  test("leaves room for any write if nothing is buffered", () => {
    expect(backlog.hasRoomFor(5000, new TestHolder())).toBe(true);
  });

  test("makes room for a write that was refused, but not at the cost of sessions that have just read", () => {
    const stuck = new TestHolder(400);
    const reading = new TestHolder(400);
    const next = new TestHolder();
    clock.move(2900);
    reading.hold(300);
    expect([backlog.hasRoomFor(450, next), stallsOf(stuck, reading)]).toEqual([false, [[], []]]);
    clock.move(200);
    expect([backlog.hasRoomFor(450, next), stallsOf(stuck, reading)]).toEqual([true, [["no-room"], []]]);
  });

  test("reserves a quarter of the room for sessions that empty their buffer within three seconds", () => {
    const quick = quickReader();
    const fresh = new TestHolder();
    const slow = new TestHolder(100);
    clock.move(3001);
    slow.hold(0);
    new TestHolder(600);
    const roomFor = (bytes: number) => [quick, fresh, slow].map((it) => backlog.hasRoomFor(bytes, it));
    expect(roomFor(150)).toEqual([true, true, true]);
    expect(roomFor(151)).toEqual([true, false, false]);
    expect(roomFor(401)).toEqual([false, false, false]);
  });

  test("does not count a session that reads little by little as quick", () => {
    const reader = new TestHolder(200);
    for (const bytes of [150, 100, 0]) {
      clock.move(1500);
      reader.hold(bytes);
    }
    new TestHolder(700);
    expect(backlog.hasRoomFor(200, reader)).toBe(false);
  });

  test("requires no quick reader for a write that is larger than the shared part", () => {
    new TestHolder(100);
    expect(backlog.hasRoomFor(800, new TestHolder())).toBe(true);
  });
});

describe("a backlog that can look into the kernel", () => {
  /** The bytes that the kernel holds for each peer. */
  let queues = new Map<string, number>();
  let lookUps = 0;

  class Peer extends TestHolder {
    readonly peer: string;

    constructor(peer: string, bytes = 100) {
      super(bytes);
      this.peer = peer;
    }
  }

  function watch(read: () => Promise<ReadonlyMap<string, number>> = async () => new Map(queues)): void {
    queues = new Map();
    lookUps = 0;
    backlog.watchKernel((peers) => {
      lookUps++;
      expect(peers.size).toBeGreaterThan(0);
      return read();
    });
  }

  const pass = (ms: number) => clock.moveInSteps(ms, 1000);

  test("does not give up a reader while the kernel sends to it", async () => {
    watch();
    const steady = new Peer("10.0.0.1:1");
    const stuck = new Peer("10.0.0.2:2");
    queues.set(stuck.peer, 4000);
    for (let quarter = 0; quarter < 40; quarter++) {
      queues.set(steady.peer, 4000 - quarter);
      await pass(slowTimeoutMs / 4);
    }
    expect(steady.stalls).toEqual([]);
    expect(stuck.stalls[0]).toBe("no-progress");
  });

  test("gives it up once the kernel has sent nothing for the whole time, and not before", async () => {
    watch();
    const reader = new Peer("10.0.0.1:1");
    queues.set(reader.peer, 4000);
    await pass(slowTimeoutMs / 2);
    queues.set(reader.peer, 3000);
    await pass(slowTimeoutMs);
    expect(reader.stalls).toEqual([]);
    await pass(slowTimeoutMs / 2);
    expect(reader.stalls).toEqual(["no-progress"]);
  });

  test("does not give up a reader that is missing once, as a row of a table may be that changes while it is read", async () => {
    watch();
    const reader = new Peer("10.0.0.1:1");
    queues.set(reader.peer, 4000);
    await pass(slowTimeoutMs - 1000);
    queues.delete(reader.peer);
    await pass(1000);
    queues.set(reader.peer, 3000);
    await pass(slowTimeoutMs - 1000);
    expect(reader.stalls).toEqual([]);
    queues.delete(reader.peer);
    await pass(3000);
    expect(reader.stalls).toEqual(["no-progress"]);
  });

  test("does not take a queue that grows for progress", async () => {
    watch();
    const reader = new Peer("10.0.0.1:1");
    for (let second = 0; second <= slowTimeoutMs / 1000 + 2; second++) {
      queues.set(reader.peer, 1000 + second);
      await pass(1000);
    }
    expect(reader.stalls).toEqual(["no-progress"]);
  });

  test.each([
    ["does not know the reader", async () => new Map<string, number>()],
    ["cannot be asked", () => Promise.reject(new Error("no such file"))],
  ])("gives a reader up in time if the kernel %s", async (_, read) => {
    watch(read);
    const reader = new Peer("10.0.0.1:1");
    await pass(slowTimeoutMs - 1000);
    expect(reader.stalls).toEqual([]);
    await pass(3000);
    expect(reader.stalls).toEqual(["no-progress"]);
  });

  test("looks up many readers together, and only those that make no progress by themselves", async () => {
    watch();
    const moving = new Peer("10.0.0.1:1", 800);
    for (let port = 2; port < 10; port++) new Peer(`10.0.0.1:${port}`, 10);
    let asked = new Set<string>();
    backlog.watchKernel(async (peers) => {
      lookUps++;
      asked = new Set([...asked, ...peers]);
      return new Map();
    });
    for (let second = 0; second < slowTimeoutMs / 1000; second++) {
      await pass(1000);
      moving.bytes--;
    }
    expect([asked.size, asked.has(moving.peer)]).toEqual([8, false]);
    expect(lookUps).toBeLessThanOrEqual(5);
  });

  test("does not close a reader that read while it was looked up", async () => {
    const answer = Promise.withResolvers<ReadonlyMap<string, number>>();
    watch(() => answer.promise);
    const reader = new Peer("10.0.0.1:1");
    await pass(slowTimeoutMs + 2000);
    reader.hold(50);
    answer.resolve(new Map());
    await pass(0);
    await pass(1000);
    expect(reader.stalls).toEqual([]);
  });

  test("gives up holders without a socket as before", () => {
    watch();
    const holder = new TestHolder(100);
    clock.move(slowTimeoutMs + 1000);
    expect([holder.stalls, lookUps]).toEqual([["no-progress"], 0]);
  });
});

test("a holder counts with the memory that it reports, and its progress is what its client reads", () => {
  const holder = new TestHolder();
  holder.memory = () => 800;
  holder.hold(700);
  expect(backlog.bytes).toBe(800);
  clock.move(slowTimeoutMs - 1000);
  holder.bytes = 600; // without a report
  clock.move(slowTimeoutMs - 1000);
  expect([holder.stalls, backlog.bytes]).toEqual([[], 800]);
  clock.move(2000);
  expect(holder.stalls).toEqual(["no-progress"]);
  holder.hold(0);
  expect(backlog.bytes).toBe(0);
});
