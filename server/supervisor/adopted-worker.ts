import type { DrainMethod } from "../hub/drain.ts";
import { systemClock } from "../lib/clock.ts";
import type { Link, LinkEvents } from "../lib/link/link.ts";
import { listenForLinks } from "../lib/link/sockets.ts";
import type { MetricValues } from "../ops/metric-table.ts";
import { type Order, ordersProtocol, type Report } from "../worker/orders.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { WorkerFailure } from "./worker-failure.ts";
import type { PoolWorker } from "./worker-pool.ts";
import type { WorkerProcessOptions } from "./worker-process.ts";

/** A worker of the supervisor before this one. */
export interface FormerWorker {
  /** Its number in the pool. */
  readonly n: number;
  readonly name: string;
  readonly pid: number;
}

type Events = Pick<WorkerProcessOptions, "onDrainWanted" | "onStopped">;

/** A worker process that the former supervisor had started. It connects through a socket. */
export class AdoptedWorker implements PoolWorker {
  readonly name: string;
  readonly pid: number;
  readonly ready: Promise<void>;
  readonly ended: Promise<StopReceipt | undefined>;
  readonly closed: Promise<number>;
  readonly ending = "a closed connection";
  readonly #events: Events;
  readonly #ready = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<StopReceipt | undefined>();
  readonly #closed = Promise.withResolvers<number>();
  readonly #held = Promise.withResolvers<void>();
  #link: Link | undefined;
  /** Whether it connects to the supervisor after this one, and so closes its link to this one. */
  #isLeaving = false;
  #receipt: StopReceipt | undefined;

  constructor({ name, pid }: FormerWorker, events: Events) {
    this.name = name;
    this.pid = pid;
    this.#events = events;
    this.ready = this.#ready.promise;
    this.ended = this.#ended.promise;
    this.closed = this.#closed.promise;
    this.ready.catch(() => undefined); // `ended` reports it too
  }

  get isConnected(): boolean {
    return this.#link !== undefined;
  }

  /** Resolves once it holds back its requests for the next supervisor. */
  rejoin(path: string, withinMs: number): Promise<void> {
    this.#isLeaving = true;
    this.#send({ verb: "rejoin", path, withinMs });
    return this.#held.promise;
  }

  confirmStart(): void {
    if (this.#link !== undefined) this.#send({ verb: "started" });
  }

  drain(): void {
    this.#send({ verb: "drain" });
  }

  move(successor?: DrainMethod["successor"]): void {
    this.#send({ verb: "move", ...(successor === undefined ? {} : { successor }) });
  }

  giveSlots(slots: readonly number[]): void {
    this.#send({ verb: "slots", slots });
  }

  closeNow(): void {
    this.#send({ verb: "closeNow" });
  }

  kill(): void {
    try {
      process.kill(this.pid, "SIGKILL");
    } catch {
      // It has exited already.
    }
    if (this.#link === undefined) this.#end();
  }

  /** It has connected. */
  attach(link: Link): LinkEvents {
    this.#link = link;
    return {
      onOpen: () => {
        this.#ready.resolve();
        this.confirmStart(); // the program before may have been replaced while it started
      },
      onText: (text) => this.#handle(JSON.parse(text) as Report),
      onClose: () => {
        this.#link = undefined;
        if (!this.#isLeaving) this.kill(); // it has exited, or it hangs
      },
    };
  }

  #handle(report: Report): void {
    if (report.verb === "closed") this.#closed.resolve(report.connections);
    else if (report.verb === "drain-wanted") this.#events.onDrainWanted();
    else if (report.verb === "held") this.#held.resolve();
    else if (report.verb === "stopped") {
      this.#receipt = report.receipt;
      this.#events.onStopped?.(report.metrics as MetricValues);
      this.#send({ verb: "leave" });
    }
  }

  #send(order: Order): void {
    if (this.#link === undefined) this.kill();
    else this.#link.send(JSON.stringify(order));
  }

  #end(): void {
    this.#ready.reject(new WorkerFailure(`${this.name}: it did not connect to the new supervisor`, undefined));
    this.#closed.resolve(0);
    this.#held.resolve();
    this.#ended.resolve(this.#receipt);
  }
}

/** Lets the workers of the former supervisor connect. */
export class AdoptedWorkers {
  readonly all: ReadonlyMap<number, AdoptedWorker>;

  /** @throws Error if the path cannot be used */
  constructor(path: string, workers: readonly FormerWorker[], events: Events) {
    this.all = new Map(workers.map((it) => [it.n, new AdoptedWorker(it, events)]));
    const settings = { protocol: ordersProtocol, name: `supervisor ${process.pid}` };
    // Until the process ends: a worker whose link broke is killed, and does not connect again.
    listenForLinks(path, settings, (link) => this.#welcome(link));
  }

  /** Resolves once all have connected. One that does not in this time is killed. */
  async connected(withinMs: number): Promise<void> {
    const late = systemClock.setTimeout(() => {
      for (const worker of this.all.values()) if (!worker.isConnected) worker.kill();
    }, withinMs);
    await Promise.allSettled(Array.from(this.all.values(), ({ ready }) => ready));
    late.cancel();
  }

  /** A worker names its process in its greeting, which is known when the link is open. */
  #welcome(link: Link): LinkEvents {
    let events: LinkEvents | undefined;
    return {
      onOpen: () => {
        const worker = [...this.all.values()].find(({ pid }) => String(pid) === link.peer);
        if (worker === undefined) return link.cut("it is not a worker of this server");
        events = worker.attach(link);
        events.onOpen();
      },
      onText: (text) => events?.onText(text),
      onClose: (end) => events?.onClose(end),
    };
  }
}
