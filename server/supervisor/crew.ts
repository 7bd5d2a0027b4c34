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

/** How a crew gets its workers. */
export interface CrewParts {
  /** Starts the process of worker n, 1 or more. */
  start(n: number): WorkerProcess;
  readonly clock: Clock;
  /** Workers end as soon as they are started: nobody is started any more. */
  onCrashLoop(reason: string): void;
}

/** The workers of one server: keeps as many alive as there should be, and ends them together. */
export class Crew {
  readonly #parts: CrewParts;
  readonly #workers = new Map<number, WorkerProcess>();
  readonly #receipts: StopReceipt[] = [];
  #earlyEnds = 0;
  #isStopping = false;
  readonly #stopped = Promise.withResolvers<readonly StopReceipt[]>();

  constructor(parts: CrewParts) {
    this.#parts = parts;
  }

  /** Starts all of them. @throws WorkerFailure of the first that cannot begin; then none is left */
  async begin(count: number): Promise<void> {
    const workers = Array.from({ length: count }, (_, index) => this.#start(index + 1));
    try {
      await Promise.all(workers.map(({ ready }) => ready));
    } catch (error) {
      this.#isStopping = true;
      for (const worker of workers) worker.kill();
      await Promise.all(workers.map(({ ended }) => ended));
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

  #start(n: number): WorkerProcess {
    const worker = this.#parts.start(n);
    this.#workers.set(n, worker);
    return worker;
  }

  #watch(n: number, worker: WorkerProcess): void {
    const startedAt = this.#parts.clock.monotonic();
    void worker.ended.then((receipt) => {
      this.#workers.delete(n);
      if (receipt !== undefined) this.#receipts.push(receipt);
      if (this.#isStopping) this.#checkEmpty();
      else this.#replace(n, worker, this.#parts.clock.monotonic() - startedAt);
    });
  }

  #replace(n: number, { name, ending }: WorkerProcess, livedMs: number): void {
    this.#earlyEnds = livedMs < soundMs ? this.#earlyEnds + 1 : 1;
    if (this.#earlyEnds > maxEarlyEnds) {
      this.#parts.onCrashLoop(`${name} ended with ${ending}, and so did those before it, soon after their start`);
      return;
    }
    const waitMs = backoff(this.#earlyEnds, waits);
    log().error("{name} ended with {ending}; another is started in {waitMs} ms", { name, ending, waitMs });
    this.#parts.clock.setTimeout(() => {
      if (this.#isStopping) return;
      const worker = this.#start(n);
      this.#watch(n, worker);
      worker.ready.then(
        () => log().info("{name} is back", { name }),
        (error: unknown) => log().error("{error}", { error }),
      );
    }, waitMs);
  }

  #checkEmpty(): void {
    if (this.#workers.size === 0) this.#stopped.resolve(this.#receipts);
  }
}
