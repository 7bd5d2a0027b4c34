import { describe, expect, test } from "bun:test";
import { FakeWorker, receipt } from "../../tests/fakes/pool-worker.ts";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Generations } from "./generations.ts";
import { WorkerPool } from "./worker-pool.ts";

/** A server of two workers, which is rolled by a test that controls each worker process. */
async function begin() {
  const clock = new MovedClock();
  /** The workers of each generation, oldest first. */
  const generations: FakeWorker[][] = [];
  const readied: number[] = [];
  const failures: Error[] = [];
  const makePool = () => {
    const workers: FakeWorker[] = [];
    generations.push(workers);
    return new WorkerPool({
      clock,
      onCrashLoop: () => undefined,
      planSlots: (counts) => counts.map(() => []),
      start: (n) => {
        const worker = new FakeWorker(n, 100 * generations.length + n);
        workers.push(worker);
        return worker;
      },
    });
  };
  const first = makePool();
  const rolls = new Generations(first);
  const starting = first.start(2);
  for (const worker of generations[0] ?? []) worker.beReady();
  await starting;
  const roll = () =>
    rolls.roll(() => {
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
      const number = generations.length + 1;
      return { pool: makePool(), count: 2, windowMs: 10_000, onReady: () => readied.push(number) };
    });
  const ordersOf = (generation: number) => generations[generation - 1]?.map(({ orders }) => orders);
  const each = (generation: number, act: (worker: FakeWorker) => void) => generations[generation - 1]?.forEach(act);
  return { rolls, roll, clock, generations, failures, readied, ordersOf, each };
}

describe("a roll", () => {
  test("starts all new workers, and moves the clients of the old ones once all of them are ready", async () => {
    const { rolls, roll, generations, ordersOf, each, readied } = await begin();
    expect(rolls.status).toBeUndefined();
    expect(roll()).toBe(1);
    await turn();
    expect([generations.length, rolls.status?.phase, rolls.pids]).toEqual([2, "starting", [101, 102, 201, 202]]);
    generations[1]?.[0]?.beReady();
    await turn();
    expect([ordersOf(1), readied]).toEqual([[[], []], []]);
    generations[1]?.[1]?.beReady();
    await turn();
    expect([ordersOf(1), ordersOf(2), readied]).toEqual([[["move"], ["move"]], [[], []], [2]]);
    expect(rolls.status?.phase).toBe("moving");
    each(1, (worker) => worker.end(receipt));
    await rolls.settled();
    expect(rolls.status).toEqual({ number: 1, phase: "done", message: "4 client(s) moved" });
    expect([rolls.pids, rolls.counts]).toEqual([[201, 202], { rolls: 1, failed: 0 }]);
  });

  test("that is requested during another one waits for it, and further requests are the same roll", async () => {
    const { rolls, roll, generations, each } = await begin();
    expect(roll()).toBe(1);
    await turn();
    expect([roll(), roll()]).toEqual([2, 2]);
    each(2, (worker) => worker.beReady());
    await turn();
    expect(generations).toHaveLength(2);
    each(1, (worker) => worker.end(receipt));
    await turn();
    const previous = { number: 1, phase: "done", message: "4 client(s) moved" };
    expect([generations.length, rolls.status]).toMatchObject([3, { number: 2, phase: "starting", previous }]);
    each(3, (worker) => worker.beReady());
    await turn();
    each(2, (worker) => worker.end(receipt));
    await rolls.settled();
    expect(rolls.counts).toEqual({ rolls: 2, failed: 0 });
  });

  test("or an upgrade that is requested while one waits has the number that it gets", async () => {
    const { rolls, roll, each } = await begin();
    const replaced: number[] = [];
    const upgrade = () => rolls.upgrade(async (number) => void replaced.push(number));
    expect(roll()).toBe(1);
    await turn();
    expect([roll(), upgrade()]).toEqual([2, 3]);
    for (const generation of [1, 2]) {
      each(generation + 1, (worker) => worker.beReady());
      await turn();
      each(generation, (worker) => worker.end(receipt));
      await turn();
    }
    await rolls.settled();
    expect(replaced).toEqual([3]);
    expect(upgrade()).toBe(4);
  });

  test("whose settings are invalid changes nothing, says why, and does not prevent the next one", async () => {
    const { rolls, roll, generations, failures, each, ordersOf } = await begin();
    failures.push(new Error("PORT: a reload cannot change this\nHOST: nor this"));
    roll();
    await rolls.settled();
    expect(rolls.status).toEqual({
      number: 1,
      phase: "failed",
      message: "PORT: a reload cannot change this; HOST: nor this; the old workers keep serving",
    });
    expect([generations.length, ordersOf(1), rolls.counts]).toEqual([1, [[], []], { rolls: 1, failed: 1 }]);
    expect(roll()).toBe(2);
    await turn();
    each(2, (worker) => worker.beReady());
    await turn();
    expect(rolls.status?.phase).toBe("moving");
  });

  test("with a worker that does not become ready moves the clients of the other new ones back, and keeps the old ones", async () => {
    const { rolls, roll, generations, ordersOf, readied } = await begin();
    roll();
    await turn();
    generations[1]?.[0]?.beReady();
    generations[1]?.[1]?.end();
    await turn();
    expect([ordersOf(1), ordersOf(2)?.[0]]).toEqual([[[], []], ["move"]]);
    generations[1]?.[0]?.end(receipt);
    await rolls.settled();
    expect(rolls.status).toMatchObject({ phase: "failed", message: expect.stringContaining("worker 2: it ended") });
    expect([rolls.pids, readied, rolls.counts.failed]).toEqual([[101, 102], [], 1]);
  });
});

describe("stopping", () => {
  test("during a roll ends both generations, and returns the receipts of both", async () => {
    const { rolls, roll, each, ordersOf } = await begin();
    roll();
    await turn();
    each(2, (worker) => worker.beReady());
    await turn();
    const stopped = rolls.stop((pool) => pool.drain(60_000));
    expect([ordersOf(1)?.[0], ordersOf(2)?.[0]]).toEqual([["move", "drain"], ["drain"]]);
    for (const generation of [1, 2]) each(generation, (worker) => worker.end(receipt));
    expect(await stopped).toHaveLength(4);
  });

  test("kills new workers that do not serve yet, and the roll is not reported as failed", async () => {
    const { rolls, roll, each, ordersOf } = await begin();
    roll();
    await turn();
    const stopped = rolls.stop((pool) => pool.drain(60_000));
    expect([ordersOf(1)?.[0], ordersOf(2)?.[0]]).toEqual([["drain"], ["kill"]]);
    each(1, (worker) => worker.end(receipt));
    expect(await stopped).toHaveLength(2);
    expect(rolls.counts).toEqual({ rolls: 1, failed: 0 });
  });

  test("prevents a roll that waits", async () => {
    const { rolls, roll, generations, each } = await begin();
    roll();
    await turn();
    roll();
    each(2, (worker) => worker.beReady());
    await turn();
    const stopped = rolls.stop((pool) => pool.closeNow());
    for (const generation of [1, 2]) each(generation, (worker) => worker.end(receipt));
    await stopped;
    expect(generations).toHaveLength(2);
  });
});
