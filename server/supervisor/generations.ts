import { getLogger } from "@logtape/logtape";
import type { RollStatus, RollStep } from "../ops/rolls.ts";
import type { StopReceipt } from "../worker/stop.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** How the workers of a generation are started. */
export interface NextGeneration {
  readonly pool: WorkerPool;
  /** The number of its workers. */
  readonly count: number;
  /** DRAIN_WINDOW: the time in which the clients of the previous generation move. */
  readonly windowMs: number;
  /** The new workers serve, and the previous ones are about to move their clients. */
  onReady(): void;
}

/** The requested roll: new workers, or a new supervisor as well. */
export type RollName = "Reload" | "Upgrade";

/**
 * The time that moving takes in addition to DRAIN_WINDOW: finishing requests in flight, planning, and flushing the last
 * clients.
 */
const besidesMoveMs = 5000;

/** How long a worker that moves its clients may take. */
export function moveLimitMs(windowMs: number): number {
  return windowMs + besidesMoveMs;
}

const log = () => getLogger(["fanfare", "supervisor"]);

/**
 * The generations of workers: usually one, two during a roll, never more. Together they are one server, because all of them
 * have the same port, history and cluster.
 */
export class Generations {
  /** Oldest first. */
  readonly #pools: WorkerPool[];
  #current: WorkerPool;
  #isStopping = false;
  #rolls = 0;
  #failed = 0;
  #status: RollStatus | undefined;
  #running: Promise<void> = Promise.resolve();
  #waiting: { readonly number: number } | undefined;

  /** @param before the rolls of a former supervisor */
  constructor(first: WorkerPool, before = { number: 0, failed: 0 }) {
    this.#current = first;
    this.#pools = [first];
    this.#rolls = before.number;
    this.#failed = before.failed;
  }

  get current(): WorkerPool {
    return this.#current;
  }

  /** Whether all workers of the server have been ready. It stays true while one that exited is restarted. */
  get hasStarted(): boolean {
    return this.#pools.some((pool) => pool.hasStarted);
  }

  /** The last roll; undefined before the first one. */
  get status(): RollStatus | undefined {
    return this.#status;
  }

  /** How many rolls were started, and how many of them failed. */
  get counts(): { readonly rolls: number; readonly failed: number } {
    return { rolls: this.#rolls, failed: this.#failed };
  }

  /** The ids of all running worker processes. */
  get pids(): readonly number[] {
    return this.#pools.flatMap((pool) => pool.pids);
  }

  /**
   * Replaces all workers, after the current roll. Requests that arrive while one is waiting are the same roll, because it
   * reads the settings and the program only when it begins.
   * @param next prepares the new generation. @throws Error whose message says why there is none
   * @param name how the log calls it. An upgrade is a roll after the program was replaced.
   * @returns the number of the roll
   */
  roll(next: () => NextGeneration, name: RollName = "Reload"): number {
    if (this.#waiting !== undefined) return this.#waiting.number;
    const waiting = { number: this.#rolls + 1 };
    this.#waiting = waiting;
    this.#running = this.#running.then(() => {
      this.#waiting = undefined;
      return this.#isStopping ? undefined : this.#roll(next, name);
    });
    return waiting.number;
  }

  /**
   * Prepares the replacement of this whole process, after the current roll. The new process then makes the roll.
   * @param replace does not return, unless it fails. @throws Error whose message says why
   * @returns the number of the roll
   */
  upgrade(replace: (number: number, report: (message: string) => void) => Promise<void>): number {
    const number = this.#rolls + (this.#waiting === undefined ? 1 : 2);
    this.#running = this.#running.then(async () => {
      if (this.#isStopping) return;
      this.#rolls++;
      const current = this.#rolls;
      try {
        await replace(current, (message) => this.#report({ number: current, phase: "starting", message }));
      } catch (error) {
        this.#fail(current, error, "Upgrade");
      }
    });
    return number;
  }

  /** Resolves once no roll is running or waiting. */
  async settled(): Promise<void> {
    let running: Promise<void>;
    do {
      running = this.#running;
      await running;
    } while (running !== this.#running);
  }

  /** Ends all workers in this way. @returns the receipts of all generations */
  async stop(end: (pool: WorkerPool) => Promise<readonly StopReceipt[]>): Promise<readonly StopReceipt[]> {
    this.#isStopping = true;
    const pools = [...this.#pools];
    const receipts = await Promise.all(pools.map((pool) => (pool.isServing ? end(pool) : pool.end().then(() => []))));
    await this.settled();
    return receipts.flat();
  }

  /** Kills all processes. */
  kill(): void {
    this.#isStopping = true;
    for (const pool of this.#pools) pool.kill();
  }

  /** Kills all processes and waits for their exit. */
  async end(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#pools.map((pool) => pool.end()));
  }

  async #roll(next: () => NextGeneration, name: RollName): Promise<void> {
    const number = ++this.#rolls;
    const old = this.#current;
    try {
      const generation = next();
      await this.#start(generation, number, name);
      if (this.#isStopping) return;
      this.#current = generation.pool;
      generation.onReady();
      await this.#retire(old, generation.windowMs, number, name);
    } catch (error) {
      this.#fail(number, error, name);
    }
  }

  #fail(number: number, error: unknown, name: RollName): void {
    if (this.#isStopping) return;
    this.#failed++;
    const reason = (error instanceof Error ? error.message : String(error)).replaceAll("\n", "; ");
    this.#report({ number, phase: "failed", message: `${reason}; the old workers keep serving` });
    log().error("{name} {number} failed: {reason}. The old workers keep serving", { name, number, reason });
  }

  async #start({ pool, count, windowMs }: NextGeneration, number: number, name: RollName): Promise<void> {
    this.#report({ number, phase: "starting", message: `starting ${count} new worker(s)` });
    log().info("{name} {number}: starting {count} new worker(s)", { name, number, count });
    this.#pools.push(pool);
    // New workers that are ready may have clients already.
    const undo = () => pool.move(moveLimitMs(windowMs), "same-port").finally(() => this.#remove(pool));
    await pool.start(count, undo);
  }

  async #retire(old: WorkerPool, windowMs: number, number: number, name: RollName): Promise<void> {
    const seconds = Math.ceil(windowMs / 1000);
    const pids = this.#current.pids.join(", ");
    const sentence = `moving the clients of the old workers within ${seconds} s`;
    this.#report({ number, phase: "moving", message: sentence });
    log().info(`{name} {number}: the new workers are ready ({pids}); ${sentence}`, { name, number, pids });
    const receipts = await old.move(moveLimitMs(windowMs), "same-port");
    this.#remove(old);
    const moved = receipts.reduce((sum, it) => sum + it.initial, 0);
    const done = `${moved} client(s) moved`;
    this.#report({ number, phase: "done", message: done });
    log().info("{name} {number} is done: {moved} client(s) moved", { name, number, moved });
  }

  #remove(pool: WorkerPool): void {
    const index = this.#pools.indexOf(pool);
    if (index >= 0) this.#pools.splice(index, 1);
  }

  #report(step: RollStep): void {
    const last = this.#status;
    if (last === undefined) this.#status = step;
    else if (last.number === step.number) this.#status = { ...last, ...step };
    else this.#status = { ...step, previous: { number: last.number, phase: last.phase, message: last.message } };
  }
}
