import { getLogger } from "@logtape/logtape";
import { backoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { StopReceipt } from "../worker/stop.ts";
import type { WorkerProcess } from "./worker-process.ts";

/** A worker that lives so long was no part of a crash loop. */
const soundMs = 10_000;
/** So many early ends in a row, of whichever workers, and another start would end the same way. */
const maxEarlyEnds = 8;
const waits = { firstMs: 200, maxMs: 5000 };

const log = () => getLogger(["fanfare", "supervisor"]);

/** What a crew needs of a worker's process. */
export type CrewMember = Pick<
  WorkerProcess,
  "name" | "pid" | "ready" | "ended" | "ending" | "drain" | "hurry" | "kill"
>;

/** How a crew gets its workers. */
export interface CrewParts {
  /** Starts the process of worker n, 1 or more. @throws Error where the system gives none */
  start(n: number): CrewMember;
  readonly clock: Clock;
  /** Workers end as soon as they are started: nobody is started any more. */
  onCrashLoop(reason: string): void;
}

/** The workers of one server: keeps as many alive as there should be, and ends them together. */
export class Crew {
  readonly #parts: CrewParts;
  readonly #workers = new Map<number, CrewMember>();
  readonly #receipts: StopReceipt[] = [];
  #earlyEnds = 0;
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

  /** Lets all clients leave. Resolves with the receipts of those who could give one, once all processes are gone. */
  drain(): Promise<readonly StopReceipt[]> {
    this.#isStopping = true;
    for (const worker of this.#workers.values()) worker.drain();
    this.#checkEmpty();
    return this.#stopped.promise;
  }

  /** Closes all clients now. */
  hurry(): void {
    for (const worker of this.#workers.values()) worker.hurry();
  }

  /** Ends whoever is still there. */
  kill(): void {
    for (const worker of this.#workers.values()) worker.kill();
  }

  /** Ends all at once, and starts nobody any more. Resolves once the processes are gone. */
  async end(): Promise<void> {
    this.#isStopping = true;
    this.kill();
    await Promise.all(Array.from(this.#workers.values(), ({ ended }) => ended));
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
    this.#earlyEnds = livedMs < soundMs ? this.#earlyEnds + 1 : 1;
    if (this.#earlyEnds >= maxEarlyEnds) {
      this.#parts.onCrashLoop(`${event}, and so did those before it, soon after their start`);
      return;
    }
    const waitMs = backoff(this.#earlyEnds, waits);
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
    if (this.#workers.size === 0) this.#stopped.resolve(this.#receipts);
  }
}
