import { describe, expect, test } from "bun:test";
import { FakeWorker, receipt } from "../../tests/fakes/pool-worker.ts";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { WorkerPool } from "./worker-pool.ts";

function makePool({ isReady = true }: { isReady?: boolean } = {}) {
  const clock = new MovedClock();
  const started: FakeWorker[] = [];
  const loops: string[] = [];
  /** The errors of the next starts; undefined: success. */
  const refusals: (Error | undefined)[] = [];
  const pool = new WorkerPool({
    clock,
    planSlots: (counts) => counts.map((count, worker) => new Array<number>(count).fill(worker)),
    onCrashLoop: (reason) => loops.push(reason),
    start: (n) => {
      const refusal = refusals.shift();
      if (refusal !== undefined) throw refusal;
      const worker = new FakeWorker(n, 100 + started.length);
      started.push(worker);
      if (isReady) worker.beReady();
      return worker;
    },
  });
  const newest = () => started.at(-1) ?? expect.unreachable();
  const settle = turn;
  /** @returns the delay until the next worker is started; undefined if it is more than 5 s */
  const waitForNext = async (): Promise<number | undefined> => {
    const before = started.length;
    for (let passed = 10; passed <= 5000; passed += 10) {
      clock.move(10);
      if (started.length > before) return passed;
    }
    return undefined;
  };
  return { pool, clock, started, loops, refusals, newest, settle, waitForNext };
}

describe("starting", () => {
  test("is done once all workers are ready", async () => {
    const { pool, started, settle } = makePool({ isReady: false });
    let isThere = false;
    const begun = pool.start(2).then(() => {
      isThere = true;
    });
    started[0]?.beReady();
    await settle();
    expect([isThere, started[0]?.isStarted]).toEqual([false, false]);
    started[1]?.beReady();
    await begun;
    expect(started.map(({ isStarted }) => isStarted)).toEqual([true, true]);
    expect(pool.pids).toEqual([100, 101]);
  });

  test("kills all workers if one cannot start", async () => {
    const { pool, started } = makePool({ isReady: false });
    const begun = pool.start(3);
    started[0]?.beReady();
    started[1]?.end();
    await expect(begun).rejects.toThrow("worker 2: it ended");
    expect(started.map(({ orders }) => orders)).toEqual([["kill"], ["kill"], ["kill"]]);
  });

  test("can end the workers that are ready in another way if one cannot start", async () => {
    const { pool, started } = makePool({ isReady: false });
    const begun = pool.start(2, () => pool.move(5000, "same-port"));
    started[0]?.beReady();
    started[1]?.end();
    await turn();
    expect(started.map(({ orders }) => orders)).toEqual([["move"], ["move"]]);
    started[0]?.end(receipt);
    await expect(begun).rejects.toThrow("worker 2: it ended");
    expect(pool.size).toBe(0);
  });

  test("kills all workers if the system cannot start a process", async () => {
    const { pool, started, refusals } = makePool();
    refusals.push(undefined, new Error("EAGAIN"));
    await expect(pool.start(3)).rejects.toThrow("EAGAIN");
    expect(started[0]?.orders).toEqual(["kill"]);
  });

  test("replaces a worker that died while another was still starting", async () => {
    const { pool, started, settle, waitForNext } = makePool({ isReady: false });
    const begun = pool.start(2);
    started[0]?.beReady();
    started[0]?.end();
    started[1]?.beReady();
    await begun;
    await settle();
    expect(await waitForNext()).toBeDefined();
    expect(started.map(({ name }) => name)).toEqual(["worker 1", "worker 2", "worker 1"]);
  });
});

describe("a worker that exits", () => {
  test("is replaced by one of the same name, after a short wait", async () => {
    const { pool, started, settle, waitForNext } = makePool();
    await pool.start(2);
    started[1]?.end();
    await settle();
    expect(pool.pids).toEqual([100]);
    const waitMs = (await waitForNext()) ?? Number.NaN;
    expect(waitMs).toBeGreaterThanOrEqual(100);
    expect(waitMs).toBeLessThanOrEqual(200);
    expect(started.map(({ name }) => name)).toEqual(["worker 1", "worker 2", "worker 2"]);
    expect(pool.pids).toEqual([100, 102]);
  });

  test("soon after its start is restarted with growing delays, and finally not any more", async () => {
    const { pool, newest, settle, waitForNext, loops } = makePool();
    await pool.start(1);
    const waits: (number | undefined)[] = [];
    while (loops.length === 0 && waits.length < 20) {
      newest().end();
      await settle();
      waits.push(await waitForNext());
    }
    expect(waits.slice(0, -1).every((ms) => ms !== undefined && ms <= 5000)).toBe(true);
    expect(waits).toHaveLength(8);
    expect(waits.at(-1)).toBeUndefined();
    expect(waits[5]).toBeGreaterThan((waits[0] ?? 0) * 5);
    expect(loops).toEqual(["worker 1 exited with exit code 7 soon after its start, 8 times in a row"]);
  });

  test("is not a crash loop if each of many workers exits once", async () => {
    const { pool, started, settle, waitForNext, loops } = makePool();
    await pool.start(16);
    for (const worker of started.slice(0, 16)) {
      worker.end();
      await settle();
      await waitForNext();
    }
    expect(loops).toEqual([]);
    expect(pool.pids).toHaveLength(16);
  });

  test("repeatedly is a crash loop, even if the others are healthy", async () => {
    const { pool, started, settle, waitForNext, loops } = makePool();
    await pool.start(16);
    for (let ends = 1; ends <= 8; ends++) {
      expect(loops).toEqual([]);
      started.findLast(({ name }) => name === "worker 4")?.end();
      await settle();
      await waitForNext();
    }
    expect(loops).toEqual(["worker 4 exited with exit code 7 soon after its start, 8 times in a row"]);
    expect(pool.pids).toHaveLength(15);
  });

  test("after a healthy time resets the count", async () => {
    const { pool, clock, newest, settle, waitForNext, loops } = makePool();
    await pool.start(1);
    for (let life = 0; life < 40; life++) {
      if (life % 7 === 6) clock.move(10_000);
      newest().end();
      await settle();
      expect(await waitForNext()).toBeDefined();
    }
    expect(loops).toEqual([]);
  });

  test("before it is ready is replaced too", async () => {
    const { pool, started, newest, settle, waitForNext } = makePool({ isReady: false });
    const begun = pool.start(1);
    newest().beReady();
    await begun;
    newest().end();
    await settle();
    await waitForNext();
    newest().end();
    await settle();
    expect(await waitForNext()).toBeDefined();
    expect(started).toHaveLength(3);
  });

  test("is retried if the system cannot start a process", async () => {
    const { pool, started, refusals, newest, settle, waitForNext, loops } = makePool();
    await pool.start(1);
    refusals.push(new Error("EAGAIN"), new Error("EAGAIN"));
    newest().end();
    await settle();
    expect(await waitForNext()).toBeDefined();
    expect([started.length, loops.length]).toEqual([2, 0]);
  });

  test("is given up if the system cannot start a process for long", async () => {
    const { pool, refusals, newest, settle, waitForNext, loops } = makePool();
    await pool.start(1);
    for (let n = 0; n < 20; n++) refusals.push(new Error("EAGAIN"));
    newest().end();
    await settle();
    for (let n = 0; n < 9; n++) await waitForNext();
    expect(loops).toEqual(["worker 1 could not be started: EAGAIN soon after its start, 8 times in a row"]);
  });
});

describe("draining", () => {
  test("ends when the last process has exited, with the receipts of those that sent one", async () => {
    const { pool, started, settle } = makePool();
    await pool.start(3);
    let receipts: readonly StopReceipt[] | undefined;
    void pool.drain(60_000).then((it) => {
      receipts = it;
    });
    expect(started.map(({ orders }) => orders)).toEqual([["drain"], ["drain"], ["drain"]]);
    started[0]?.end(receipt);
    started[1]?.end(); // for example killed
    await settle();
    expect(receipts).toBeUndefined();
    started[2]?.end(receipt);
    await settle();
    expect(receipts).toEqual([receipt, receipt]);
  });

  test("gives the clients of all workers their slots once all listeners are closed", async () => {
    const { pool, started, settle } = makePool();
    await pool.start(3);
    void pool.move(5000);
    started[0]?.close(2);
    started[1]?.end();
    await settle();
    expect(started.map(({ slots }) => slots)).toEqual([undefined, undefined, undefined]);
    started[2]?.close(1);
    await settle();
    expect([started[0]?.slots, started[2]?.slots]).toEqual([[0, 0], [2]]);
  });

  test("does not let a worker that hangs delay the slots of the others", async () => {
    const { pool, clock, started, settle } = makePool();
    await pool.start(2);
    void pool.move(10_000);
    started[0]?.close(1);
    clock.move(3500);
    await settle();
    expect(started.map(({ slots }) => slots)).toEqual([[0], undefined]);
  });

  test("cancels pending restarts", async () => {
    const { pool, started, newest, settle, waitForNext } = makePool();
    await pool.start(1);
    newest().end();
    await settle();
    expect(await pool.drain(60_000)).toEqual([]);
    expect(await waitForNext()).toBeUndefined();
    expect(started).toHaveLength(1);
  });

  test("includes workers that are still starting", async () => {
    const { pool, newest, settle, waitForNext } = makePool({ isReady: false });
    const begun = pool.start(1);
    newest().beReady();
    await begun;
    newest().end();
    await settle();
    await waitForNext();
    const drained = pool.drain(60_000);
    expect(newest().orders).toEqual(["drain"]);
    newest().end();
    expect(await drained).toEqual([]);
  });

  test("hurries and kills the workers that are left", async () => {
    const { pool, started } = makePool();
    await pool.start(2);
    const drained = pool.drain(60_000);
    started[0]?.end(receipt);
    await turn();
    void pool.closeNow();
    pool.kill();
    expect(started.map(({ orders }) => orders)).toEqual([["drain"], ["drain", "closeNow", "kill"]]);
    expect(await drained).toEqual([receipt]);
  });

  test.each([
    ["drain", 60_000, 70_000],
    ["move", 5000, 15_000],
    ["closeNow", undefined, 10_000],
  ] as const)(
    "kills a worker that hangs after the order to %s, ten seconds after it should have ended",
    async (verb, withinMs, killedAt) => {
      const { pool, clock, started } = makePool();
      await pool.start(2);
      const stopped = verb === "closeNow" ? pool.closeNow() : pool[verb](withinMs ?? 0);
      started[0]?.end(receipt);
      await turn();
      clock.move(killedAt - 1);
      expect(started[1]?.orders).toEqual([verb]);
      clock.move(1);
      expect(started.map(({ orders }) => orders)).toEqual([[verb], [verb, "kill"]]);
      expect(await stopped).toEqual([receipt]);
    },
  );

  test("waits no longer than the last order says", async () => {
    const { pool, clock, started } = makePool();
    await pool.start(1);
    void pool.drain(1_800_000);
    void pool.move(5000);
    clock.move(15_000);
    expect(started[0]?.orders).toEqual(["drain", "move", "kill"]);
  });

  test("kills no process once all have exited", async () => {
    const { pool, clock, started } = makePool();
    await pool.start(1);
    const stopped = pool.drain(1000);
    started[0]?.end(receipt);
    await stopped;
    clock.move(60_000);
    expect(started[0]?.orders).toEqual(["drain"]);
  });
});

test("after end() no worker is restarted", async () => {
  const { pool, clock, started } = makePool();
  await pool.start(2);
  started[0]?.end(); // Another one is due soon.
  await turn();
  await pool.end();
  await clock.moveInSteps(120_000, 1000);
  expect(started.map(({ orders }) => orders)).toEqual([[], ["kill"]]);
});
