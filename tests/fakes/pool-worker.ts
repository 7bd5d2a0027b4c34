import { WorkerFailure } from "../../server/supervisor/worker-failure.ts";
import type { PoolWorker } from "../../server/supervisor/worker-pool.ts";
import type { StopReceipt } from "../../server/worker/stop.ts";

/** The receipt of a worker with two clients, which left. */
export const receipt: StopReceipt = {
  initial: 2,
  left: 2,
  moved: 0,
  forced: 0,
  unflushed_bytes: 0,
  duration_ms: 1,
  max_close_rate: 0,
};

/** A worker process that the test controls. */
export class FakeWorker implements PoolWorker {
  readonly name: string;
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly ended: Promise<StopReceipt | undefined>;
  readonly closed: Promise<number>;
  readonly orders: string[] = [];
  slots: readonly number[] | undefined;
  /** Whether it knows that all workers listen. */
  isStarted = false;
  ending = "exit code 7";
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<StopReceipt | undefined>();
  readonly #closed = Promise.withResolvers<number>();

  constructor(n: number, pid: number) {
    this.name = `worker ${n}`;
    this.pid = pid;
    this.ready = this.#ready.promise;
    this.ready.catch(() => undefined);
    this.ended = this.#ended.promise;
    this.closed = this.#closed.promise;
  }

  beReady(): void {
    this.#ready.resolve();
  }

  end(words?: StopReceipt): void {
    this.#ready.reject(new WorkerFailure(`${this.name}: it ended`, undefined));
    this.#closed.resolve(0);
    this.#ended.resolve(words);
  }

  close(connections: number): void {
    this.#closed.resolve(connections);
  }

  giveSlots(slots: readonly number[]): void {
    this.slots = slots;
  }

  confirmStart(): void {
    this.isStarted = true;
  }

  drain(): void {
    this.orders.push("drain");
  }

  move(): void {
    this.orders.push("move");
  }

  rejoin(path: string): Promise<void> {
    this.orders.push(`rejoin ${path}`);
    return Promise.resolve();
  }

  closeNow(): void {
    this.orders.push("closeNow");
  }

  kill(): void {
    this.orders.push("kill");
    this.end();
  }
}
