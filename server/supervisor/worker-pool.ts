import { getLogger } from "@logtape/logtape";
import type { DrainMethod } from "../hub/drain.ts";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { StopReceipt } from "../worker/stop.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A worker that ran this long is not in a crash loop. */
const healthyMs = 10_000;
/**
 * After this many early exits of the same worker in a row, it is in a crash loop. Counted per worker, because many workers can
 * exit at the same time once (out of memory, an operator's `kill`) without a crash loop.
 */
const maxEarlyExits = 8;
const waits = { firstMs: 200, maxMs: 5000 };
/** A worker that has not exited this long after its deadline is killed. */
const killAfterMs = 10_000;
/** How long the plan of slots waits for workers that are still closing: longer than a worker takes for that. */
const planAfterMs = 3500;

const log = () => getLogger(["fanfare", "supervisor"]);

/** The part of a worker process that the pool uses. */
export type PoolWorker = Pick<
  WorkerProcess,
  | "name"
  | "pid"
  | "ready"
  | "ended"
  | "ending"
  | "closed"
  | "confirmStart"
  | "drain"
  | "move"
  | "giveSlots"
  | "rejoin"
  | "closeNow"
  | "kill"
>;

/** Callbacks that the pool's owner provides. */
export interface WorkerPoolDependencies {
  /** Starts the process of worker n, counted from 1. @throws Error if the system cannot start a process */
  start(n: number): PoolWorker;
  readonly clock: Clock;
  /** Plans when the clients of all workers are to reconnect, given the number of connections of each. */
  planSlots(counts: readonly number[], verb: "drain" | "move"): readonly (readonly number[])[];
  /** Called if a worker is in a crash loop. It is not restarted any more. */
  onCrashLoop(reason: string): void;
}

/** The worker processes of a server: restarts those that exit, and stops all together. */
export class WorkerPool {
  readonly #dependencies: WorkerPoolDependencies;
  readonly #workers = new Map<number, PoolWorker>();
  readonly #receipts: StopReceipt[] = [];
  /** By worker number: how often in a row it exited soon after its start. */
  readonly #earlyExits = new Map<number, number>();
  #killTimer: Timer | undefined;
  #isStopping = false;
  #isServing = false;
  #hasStarted = false;
  readonly #stopped = Promise.withResolvers<readonly StopReceipt[]>();

  constructor(dependencies: WorkerPoolDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Starts all workers.
   * @param undo ends those that were started if one fails; by default it kills them
   * @throws WorkerFailure of the first that cannot start; then none is left
   */
  async start(count: number, undo: () => Promise<unknown> = () => this.end()): Promise<void> {
    try {
      for (let n = 1; n <= count; n++) this.#workers.set(n, this.#dependencies.start(n));
      for (const { ready } of this.#workers.values()) ready.then(this.#serves, () => undefined); // awaited below
      await Promise.all(Array.from(this.#workers.values(), ({ ready }) => ready));
    } catch (error) {
      this.#isStopping = true;
      this.#watchAll();
      await undo();
      throw error;
    }
    this.#hasStarted = true;
    for (const worker of this.#workers.values()) worker.confirmStart();
    this.#watchAll();
  }

  /** Uses workers of a former supervisor. One that exits is replaced by a new process. */
  adopt(workers: ReadonlyMap<number, PoolWorker>): void {
    for (const [n, worker] of workers) this.#workers.set(n, worker);
    this.#isServing = true;
    this.#hasStarted = true;
    this.#watchAll();
  }

  /** The running workers by number. */
  get workers(): ReadonlyMap<number, PoolWorker> {
    return this.#workers;
  }

  /** The number of running processes. */
  get size(): number {
    return this.#workers.size;
  }

  /** Whether a worker has been ready: then clients may be connected, even while other workers are still starting. */
  get isServing(): boolean {
    return this.#isServing;
  }

  /** Whether all workers have been ready. */
  get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** The ids of the running processes. */
  get pids(): readonly number[] {
    return Array.from(this.#workers.values(), ({ pid }) => pid);
  }

  /**
   * Drains all workers. Resolves once all processes have exited, with the receipts of those that sent one.
   * @param withinMs the deadline; workers that are still running 10 s after it are killed
   */
  drain(withinMs: number): Promise<readonly StopReceipt[]> {
    return this.#stop("drain", withinMs);
  }

  /** Makes all clients reconnect elsewhere, even if workers are already draining. See `drain`. */
  move(withinMs: number, successor?: DrainMethod["successor"]): Promise<readonly StopReceipt[]> {
    return this.#stop("move", withinMs, successor);
  }

  /** Closes all clients now. See `drain`. */
  closeNow(): Promise<readonly StopReceipt[]> {
    return this.#stop("closeNow", 0);
  }

  /** Kills all processes. */
  kill(): void {
    for (const worker of this.#workers.values()) worker.kill();
  }

  /** Kills all processes and does not restart any. Resolves once they have exited. */
  async end(): Promise<void> {
    this.#isStopping = true;
    this.kill();
    await Promise.all(Array.from(this.#workers.values(), ({ ended }) => ended));
  }

  readonly #serves = (): void => {
    this.#isServing = true;
  };

  readonly #watchAll = (): void => {
    for (const [n, worker] of this.#workers) this.#watch(n, worker);
  };

  #stop(
    verb: "drain" | "move" | "closeNow",
    withinMs: number,
    successor?: DrainMethod["successor"],
  ): Promise<readonly StopReceipt[]> {
    this.#isStopping = true;
    for (const worker of this.#workers.values()) worker[verb](successor);
    if (verb !== "closeNow") void this.#giveSlots(verb);
    this.#killTimer?.cancel();
    this.#killTimer = this.#dependencies.clock.setTimeout(() => {
      log().error("Killing workers that have not exited in time: {names}", {
        names: Array.from(this.#workers.values(), ({ name }) => name).join(", "),
      });
      this.kill();
    }, withinMs + killAfterMs);
    this.#checkEmpty();
    return this.#stopped.promise;
  }

  /** Once all listeners are closed, so that no client reconnects to a worker that is also leaving. */
  async #giveSlots(verb: "drain" | "move"): Promise<void> {
    const workers = [...this.#workers.values()];
    const late = Promise.withResolvers<undefined>();
    const timer = this.#dependencies.clock.setTimeout(() => late.resolve(undefined), planAfterMs);
    // A worker that is late plans for itself.
    const counts = await Promise.all(workers.map(({ closed }) => Promise.race([closed, late.promise])));
    timer.cancel();
    const plan = this.#dependencies.planSlots(
      counts.map((count) => count ?? 0),
      verb,
    );
    for (const [index, worker] of workers.entries()) {
      if (counts[index] !== undefined) worker.giveSlots(plan[index] ?? []);
    }
  }

  #watch(n: number, worker: PoolWorker): void {
    const startedAt = this.#dependencies.clock.monotonic();
    void worker.ended.then((receipt) => {
      this.#workers.delete(n);
      if (receipt !== undefined) this.#receipts.push(receipt);
      if (this.#isStopping) this.#checkEmpty();
      else
        this.#replace(
          n,
          `${worker.name} exited with ${worker.ending}`,
          this.#dependencies.clock.monotonic() - startedAt,
        );
    });
  }

  #replace(n: number, event: string, livedMs: number): void {
    const earlyExits = livedMs < healthyMs ? (this.#earlyExits.get(n) ?? 0) + 1 : 1;
    this.#earlyExits.set(n, earlyExits);
    if (earlyExits >= maxEarlyExits) {
      this.#dependencies.onCrashLoop(`${event} soon after its start, ${maxEarlyExits} times in a row`);
      return;
    }
    const waitMs = backoff(earlyExits, waits);
    log().error("{event}; restarting it in {waitMs} ms", { event, waitMs });
    this.#dependencies.clock.setTimeout(() => this.#restart(n), waitMs);
  }

  #restart(n: number): void {
    if (this.#isStopping) return;
    let worker: PoolWorker;
    try {
      worker = this.#dependencies.start(n);
    } catch (error) {
      // For example too many processes or no memory, which may be temporary.
      this.#replace(n, `worker ${n} could not be started: ${error instanceof Error ? error.message : error}`, 0);
      return;
    }
    this.#workers.set(n, worker);
    this.#watch(n, worker);
    const { name } = worker;
    // An exit before it is ready is handled by #watch.
    worker.ready.then(
      () => log().info("{name} has restarted", { name }),
      () => undefined,
    );
  }

  #checkEmpty(): void {
    if (this.#workers.size > 0) return;
    this.#killTimer?.cancel();
    this.#stopped.resolve(this.#receipts);
  }
}
