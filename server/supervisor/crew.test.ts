import { describe, expect, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { Crew, type CrewMember } from "./crew.ts";
import { WorkerFailure } from "./worker-failure.ts";

const receipt: StopReceipt = {
  initial: 2,
  left: 2,
  moved: 0,
  forced: 0,
  unflushed_bytes: 0,
  duration_ms: 1,
  max_close_rate: 0,
};

/** A process that does what the test says. */
class FakeWorker implements CrewMember {
  readonly name: string;
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly ended: Promise<StopReceipt | undefined>;
  readonly orders: string[] = [];
  ending = "exit code 7";
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<StopReceipt | undefined>();

  constructor(n: number, pid: number) {
    this.name = `worker ${n}`;
    this.pid = pid;
    this.ready = this.#ready.promise;
    this.ready.catch(() => undefined);
    this.ended = this.#ended.promise;
  }

  beReady(): void {
    this.#ready.resolve();
  }

  end(words?: StopReceipt): void {
    this.#ready.reject(new WorkerFailure(`${this.name}: it ended`, undefined));
    this.#ended.resolve(words);
  }

  drain(): void {
    this.orders.push("drain");
  }

  move(): void {
    this.orders.push("move");
  }

  hurry(): void {
    this.orders.push("hurry");
  }

  kill(): void {
    this.orders.push("kill");
    this.end();
  }
}

function world({ isReady = true }: { isReady?: boolean } = {}) {
  const clock = new MovedClock();
  const started: FakeWorker[] = [];
  const loops: string[] = [];
  /** What the next starts come to; undefined: they work. */
  const refusals: (Error | undefined)[] = [];
  const crew = new Crew({
    clock,
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
  /** @returns how long it takes until another is started; undefined where nobody is within 5 s */
  const waitForNext = async (): Promise<number | undefined> => {
    const before = started.length;
    for (let passed = 10; passed <= 5000; passed += 10) {
      clock.move(10);
      if (started.length > before) return passed;
    }
    return undefined;
  };
  return { crew, clock, started, loops, refusals, newest, settle, waitForNext };
}

describe("a crew that begins", () => {
  test("is there once all of its workers are", async () => {
    const { crew, started, settle } = world({ isReady: false });
    let isThere = false;
    const begun = crew.begin(2).then(() => {
      isThere = true;
    });
    started[0]?.beReady();
    await settle();
    expect(isThere).toBe(false);
    started[1]?.beReady();
    await begun;
    expect(crew.pids).toEqual([100, 101]);
  });

  test("leaves nobody running when one cannot begin", async () => {
    const { crew, started } = world({ isReady: false });
    const begun = crew.begin(3);
    started[0]?.beReady();
    started[1]?.end();
    await expect(begun).rejects.toThrow("worker 2: it ended");
    expect(started.map(({ orders }) => orders)).toEqual([["kill"], ["kill"], ["kill"]]);
  });

  test("leaves nobody running when the system gives no more processes", async () => {
    const { crew, started, refusals } = world();
    refusals.push(undefined, new Error("EAGAIN"));
    await expect(crew.begin(3)).rejects.toThrow("EAGAIN");
    expect(started[0]?.orders).toEqual(["kill"]);
  });

  test("replaces a worker that died while another was still starting", async () => {
    const { crew, started, settle, waitForNext } = world({ isReady: false });
    const begun = crew.begin(2);
    started[0]?.beReady();
    started[0]?.end();
    started[1]?.beReady();
    await begun;
    await settle();
    expect(await waitForNext()).toBeDefined();
    expect(started.map(({ name }) => name)).toEqual(["worker 1", "worker 2", "worker 1"]);
  });
});

describe("a worker that ends", () => {
  test("is replaced by one of the same name, after a short wait", async () => {
    const { crew, started, settle, waitForNext } = world();
    await crew.begin(2);
    started[1]?.end();
    await settle();
    expect(crew.pids).toEqual([100]);
    const waitMs = (await waitForNext()) ?? Number.NaN;
    expect(waitMs).toBeGreaterThanOrEqual(100);
    expect(waitMs).toBeLessThanOrEqual(200);
    expect(started.map(({ name }) => name)).toEqual(["worker 1", "worker 2", "worker 2"]);
    expect(crew.pids).toEqual([100, 102]);
  });

  test("soon after its start, again and again, is waited for longer and longer, and then no more", async () => {
    const { crew, newest, settle, waitForNext, loops } = world();
    await crew.begin(1);
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
    expect(loops).toEqual(["worker 1 ended with exit code 7, for the 8th time in a row soon after its start"]);
  });

  test("is not taken for a loop where each of a large crew ends once", async () => {
    const { crew, started, settle, waitForNext, loops } = world();
    await crew.begin(16);
    for (const worker of started.slice(0, 16)) {
      worker.end();
      await settle();
      await waitForNext();
    }
    expect(loops).toEqual([]);
    expect(crew.pids).toHaveLength(16);
  });

  test("again and again is found out while the others are sound", async () => {
    const { crew, started, settle, waitForNext, loops } = world();
    await crew.begin(16);
    for (let ends = 1; ends <= 8; ends++) {
      expect(loops).toEqual([]);
      started.findLast(({ name }) => name === "worker 4")?.end();
      await settle();
      await waitForNext();
    }
    expect(loops).toEqual(["worker 4 ended with exit code 7, for the 8th time in a row soon after its start"]);
    expect(crew.pids).toHaveLength(15);
  });

  test("after a sound life begins the count anew", async () => {
    const { crew, clock, newest, settle, waitForNext, loops } = world();
    await crew.begin(1);
    for (let life = 0; life < 40; life++) {
      if (life % 7 === 6) clock.move(10_000);
      newest().end();
      await settle();
      expect(await waitForNext()).toBeDefined();
    }
    expect(loops).toEqual([]);
  });

  test("before it is ready is replaced all the same", async () => {
    const { crew, started, newest, settle, waitForNext } = world({ isReady: false });
    const begun = crew.begin(1);
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

  test("is tried again when the system gives no process now", async () => {
    const { crew, started, refusals, newest, settle, waitForNext, loops } = world();
    await crew.begin(1);
    refusals.push(new Error("EAGAIN"), new Error("EAGAIN"));
    newest().end();
    await settle();
    expect(await waitForNext()).toBeDefined();
    expect([started.length, loops.length]).toEqual([2, 0]);
  });

  test("is given up when the system gives none for long", async () => {
    const { crew, refusals, newest, settle, waitForNext, loops } = world();
    await crew.begin(1);
    for (let n = 0; n < 20; n++) refusals.push(new Error("EAGAIN"));
    newest().end();
    await settle();
    for (let n = 0; n < 9; n++) await waitForNext();
    expect(loops).toEqual(["worker 1 could not be started: EAGAIN, for the 8th time in a row soon after its start"]);
  });
});

describe("a crew that drains", () => {
  test("is over when the last process is gone, with the receipts of those who gave one", async () => {
    const { crew, started, settle } = world();
    await crew.begin(3);
    let receipts: readonly StopReceipt[] | undefined;
    void crew.drain(60_000).then((it) => {
      receipts = it;
    });
    expect(started.map(({ orders }) => orders)).toEqual([["drain"], ["drain"], ["drain"]]);
    started[0]?.end(receipt);
    started[1]?.end(); // killed, say
    await settle();
    expect(receipts).toBeUndefined();
    started[2]?.end(receipt);
    await settle();
    expect(receipts).toEqual([receipt, receipt]);
  });

  test("starts nobody any more, not even whose wait has begun", async () => {
    const { crew, started, newest, settle, waitForNext } = world();
    await crew.begin(1);
    newest().end();
    await settle();
    expect(await crew.drain(60_000)).toEqual([]);
    expect(await waitForNext()).toBeUndefined();
    expect(started).toHaveLength(1);
  });

  test("ends those too that are being started", async () => {
    const { crew, newest, settle, waitForNext } = world({ isReady: false });
    const begun = crew.begin(1);
    newest().beReady();
    await begun;
    newest().end();
    await settle();
    await waitForNext();
    const drained = crew.drain(60_000);
    expect(newest().orders).toEqual(["drain"]);
    newest().end();
    expect(await drained).toEqual([]);
  });

  test("hurries and kills the workers that are left", async () => {
    const { crew, started } = world();
    await crew.begin(2);
    const drained = crew.drain(60_000);
    started[0]?.end(receipt);
    await turn();
    void crew.hurry();
    crew.kill();
    expect(started.map(({ orders }) => orders)).toEqual([["drain"], ["drain", "hurry", "kill"]]);
    expect(await drained).toEqual([receipt]);
  });

  test.each([
    ["drain", 60_000, 70_000],
    ["move", 5000, 15_000],
    ["hurry", undefined, 10_000],
  ] as const)(
    "kills a worker that hangs after the order to %s, ten seconds after it should have ended",
    async (verb, withinMs, killedAt) => {
      const { crew, clock, started } = world();
      await crew.begin(2);
      const stopped = verb === "hurry" ? crew.hurry() : crew[verb](withinMs ?? 0);
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
    const { crew, clock, started } = world();
    await crew.begin(1);
    void crew.drain(1_800_000);
    void crew.move(5000);
    clock.move(15_000);
    expect(started[0]?.orders).toEqual(["drain", "move", "kill"]);
  });

  test("kills nobody once all have ended", async () => {
    const { crew, clock, started } = world();
    await crew.begin(1);
    const stopped = crew.drain(1000);
    started[0]?.end(receipt);
    await stopped;
    clock.move(60_000);
    expect(started[0]?.orders).toEqual(["drain"]);
  });
});

test("a crew that was ended starts nobody any more", async () => {
  const { crew, clock, started } = world();
  await crew.begin(2);
  started[0]?.end(); // another one is due in a moment
  await turn();
  await crew.end();
  await clock.moveInSteps(120_000, 1000);
  expect(started.map(({ orders }) => orders)).toEqual([[], ["kill"]]);
});
