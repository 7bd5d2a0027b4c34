import { getLogger } from "@logtape/logtape";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { StopReceipt } from "../worker/stop.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A worker that ran this long was not part of a crash loop. */
const soundMs = 10_000;
/**
 * After so many early ends in a row of one and the same worker, another start would end the same way. Counted per worker:
 * in a large crew, many can die once at the same time (out of memory, an operator's `kill`) without any loop.
 */
const maxEarlyEnds = 8;
const waits = { firstMs: 200, maxMs: 5000 };
/** A worker that has not ended this long after it should have hangs, and is killed. */
const patienceMs = 10_000;

const log = () => getLogger(["fanfare", "supervisor"]);

/** What a crew needs of a worker's process. */
export type CrewMember = Pick<
  WorkerProcess,
  "name" | "pid" | "ready" | "ended" | "ending" | "drain" | "move" | "hurry" | "kill"
>;

/** How a crew gets its workers. */
export interface CrewParts {
  /** Starts the process of worker n, 1 or more. @throws Error where the system gives none */
  start(n: number): CrewMember;
  readonly clock: Clock;
  /** A worker ends as soon as it is started, again and again: it is not started any more. */
  onCrashLoop(reason: string): void;
}

/** The workers of one server: keeps as many alive as there should be, and ends them together. */
export class Crew {
  readonly #parts: CrewParts;
  readonly #workers = new Map<number, CrewMember>();
  readonly #receipts: StopReceipt[] = [];
  /** By the worker's number: how often in a row it ended soon after its start. */
  readonly #earlyEnds = new Map<number, number>();
  #patience: Timer | undefined;
  #isStopping = false;
  readonly #stopped = Promise.withResolvers<readonly StopReceipt[]>();

  constructor(parts: CrewParts) {
    this.#parts = parts;
  }

  /** Starts all of them. @throws WorkerFailure of the first that cannot begin; then none is left */
  async begin(count: number): Promise<void> {
    try {
      for (let n = 1; n <= count; n++) this.#workers.set(n, this.#parts.start(n));
      await Promise.all(Array.from(this.#workers.values(), ({ ready }) => ready));
    } catch (error) {
      await this.end();
      throw error;
    }
    for (const [n, worker] of this.#workers) this.#watch(n, worker);
  }

  /** The processes that live now. */
  get pids(): readonly number[] {
    return Array.from(this.#workers.values(), ({ pid }) => pid);
  }

  /**
   * Waits for the clients of all workers to leave. Resolves once all processes are gone, with the receipts of the workers
   * that gave one.
   * @param withinMs when the workers are to have ended; those that hang are killed 10 s later
   */
  drain(withinMs: number): Promise<readonly StopReceipt[]> {
    return this.#stop("drain", withinMs);
  }

  /** Sends all clients away, also where workers are waiting for them already. See `drain`. */
  move(withinMs: number): Promise<readonly StopReceipt[]> {
    return this.#stop("move", withinMs);
  }

  /** Closes all clients now. See `drain`. */
  hurry(): Promise<readonly StopReceipt[]> {
    return this.#stop("hurry", 0);
  }

  /** Ends all processes at once. */
  kill(): void {
    for (const worker of this.#workers.values()) worker.kill();
  }

  /** Ends all at once, and starts nobody any more. Resolves once the processes are gone. */
  async end(): Promise<void> {
    this.#isStopping = true;
    this.kill();
    await Promise.all(Array.from(this.#workers.values(), ({ ended }) => ended));
  }

  #stop(verb: "drain" | "move" | "hurry", withinMs: number): Promise<readonly StopReceipt[]> {
    this.#isStopping = true;
    for (const worker of this.#workers.values()) worker[verb]();
    this.#patience?.cancel();
    this.#patience = this.#parts.clock.setTimeout(() => {
      log().error("Workers that do not end are killed: {names}", {
        names: Array.from(this.#workers.values(), ({ name }) => name).join(", "),
      });
      this.kill();
    }, withinMs + patienceMs);
    this.#checkEmpty();
    return this.#stopped.promise;
  }

  #watch(n: number, worker: CrewMember): void {
    const startedAt = this.#parts.clock.monotonic();
    void worker.ended.then((receipt) => {
      this.#workers.delete(n);
      if (receipt !== undefined) this.#receipts.push(receipt);
      if (this.#isStopping) this.#checkEmpty();
      else this.#replace(n, `${worker.name} ended with ${worker.ending}`, this.#parts.clock.monotonic() - startedAt);
    });
  }

  #replace(n: number, event: string, livedMs: number): void {
    const earlyEnds = livedMs < soundMs ? (this.#earlyEnds.get(n) ?? 0) + 1 : 1;
    this.#earlyEnds.set(n, earlyEnds);
    if (earlyEnds >= maxEarlyEnds) {
      this.#parts.onCrashLoop(`${event}, for the ${maxEarlyEnds}th time in a row soon after its start`);
      return;
    }
    const waitMs = backoff(earlyEnds, waits);
    log().error("{event}; another is started in {waitMs} ms", { event, waitMs });
    this.#parts.clock.setTimeout(() => this.#startAgain(n), waitMs);
  }

  #startAgain(n: number): void {
    if (this.#isStopping) return;
    let worker: CrewMember;
    try {
      worker = this.#parts.start(n);
    } catch (error) {
      // Such as too many processes, or no memory: what may be otherwise a moment later.
      this.#replace(n, `worker ${n} could not be started: ${error instanceof Error ? error.message : error}`, 0);
      return;
    }
    this.#workers.set(n, worker);
    this.#watch(n, worker);
    const { name } = worker;
    // One that ends before it is ready is told of by its end.
    worker.ready.then(
      () => log().info("{name} is back", { name }),
      () => undefined,
    );
  }

  #checkEmpty(): void {
    if (this.#workers.size > 0) return;
    this.#patience?.cancel();
    this.#stopped.resolve(this.#receipts);
  }
}
