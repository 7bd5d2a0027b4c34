import { getLogger } from "@logtape/logtape";
import type { Subprocess } from "bun";
import type { DrainMethod } from "../hub/drain.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import { Pulse } from "../lib/link/pulse.ts";
import type { MetricValues } from "../ops/metric-table.ts";
import { type Assignment, type Order, ordersVersion, type Report } from "../worker/orders.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { workerCommand } from "./worker-command.ts";
import { WorkerFailure } from "./worker-failure.ts";

/** The ping interval, and how many pings may be unanswered in a row: a long garbage collection is not a hang. */
const defaultLiveness = { beatMs: 5000, maxSilentBeats: 6 };

const log = () => getLogger(["fanfare", "supervisor"]);

export interface WorkerProcessOptions {
  /** Called when the worker receives a drain request over HTTP. */
  onDrainWanted(): void;
  /** Called with the final metrics of a worker that has stopped. */
  onStopped?(metrics: MetricValues): void;
  readonly clock?: Clock;
  readonly liveness?: { readonly beatMs: number; readonly maxSilentBeats: number };
}

/** The process of a worker. */
export class WorkerProcess {
  /** Resolves once the worker listens; rejects with a WorkerFailure if it exits before. */
  readonly ready: Promise<void>;
  /** Resolves once the process has exited, with its receipt if it sent one. */
  readonly ended: Promise<StopReceipt | undefined>;
  /** Resolves with the number of its connections once it has stopped listening while it drains; with 0 if it exits before. */
  readonly closed: Promise<number>;
  readonly name: string;
  readonly #assignment: Assignment;
  readonly #child: Subprocess;
  readonly #pulse: Pulse;
  readonly #onStopped: (metrics: MetricValues) => void;
  readonly #ready = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<number>();
  readonly #held = Promise.withResolvers<void>();
  #canReceive = false;
  #failure: { readonly message: string; readonly code: string | undefined } | undefined;
  #receipt: StopReceipt | undefined;

  /** @throws Error if the system cannot start a process */
  constructor(assignment: Assignment, options: WorkerProcessOptions) {
    const { onDrainWanted, onStopped = () => undefined, clock = systemClock, liveness } = options;
    this.#onStopped = onStopped;
    this.name = assignment.name;
    this.#assignment = assignment;
    this.#child = Bun.spawn([...workerCommand()], {
      // Only the supervisor reads the terminal.
      stdio: ["ignore", "inherit", "inherit"],
      env: process.env,
      serialization: "advanced",
      ipc: (report: Report) => {
        this.#pulse.received();
        if (report.verb === "drain-wanted") onDrainWanted();
        else this.#handleReport(report);
      },
    });
    this.#pulse = new Pulse(
      { clock, ...(liveness ?? defaultLiveness) },
      { onBeat: () => this.#canReceive && this.#send({ verb: "ping" }), onSilence: (ms) => this.#hangs(ms) },
    );
    this.ready = this.#ready.promise;
    this.closed = this.#closed.promise;
    this.ended = this.#child.exited.then(() => this.#gone());
    // Avoids an unhandled rejection if nobody awaits `ready`; `ended` reports the exit too.
    this.ready.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How it exited, for the log: `exit code 1` or `SIGKILL`, and the reason if it sent one. */
  get ending(): string {
    const { signalCode, exitCode } = this.#child;
    const how = signalCode === null ? `exit code ${exitCode}` : String(signalCode);
    return this.#failure === undefined ? how : `${how} (${this.#failure.message})`;
  }

  /** All workers listen, so it may report that the server is ready. */
  confirmStart(): void {
    this.#send({ verb: "started" });
  }

  /** Waits for its clients to leave. */
  drain(): void {
    this.#order({ verb: "drain" });
  }

  /** Makes its clients reconnect elsewhere within DRAIN_WINDOW. */
  move(successor?: DrainMethod["successor"]): void {
    this.#order({ verb: "move", ...(successor === undefined ? {} : { successor }) });
  }

  /** The answer to `closed`: when its clients are to reconnect. */
  giveSlots(slots: readonly number[]): void {
    this.#send({ verb: "slots", slots });
  }

  /** Resolves once it holds back its requests, until a new supervisor listens on this path. */
  rejoin(path: string, withinMs: number): Promise<void> {
    this.#order({ verb: "rejoin", path, withinMs });
    return this.#held.promise;
  }

  /** Closes its clients now. */
  closeNow(): void {
    this.#order({ verb: "closeNow" });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #handleReport(report: Exclude<Report, { verb: "drain-wanted" }>): void {
    switch (report.verb) {
      case "hello":
        this.#handleHello(report.version);
        break;
      case "ready":
        this.#ready.resolve();
        break;
      case "held":
        this.#held.resolve();
        break;
      case "closed":
        this.#closed.resolve(report.connections);
        break;
      case "stopped":
        this.#receipt = report.receipt;
        this.#onStopped(report.metrics);
        this.#send({ verb: "leave" });
        break;
      case "failed":
        this.#failure = report;
        this.#send({ verb: "leave" });
        break;
      case "pong":
        break; // the pulse has already noted it
    }
  }

  #handleHello(version: number): void {
    this.#canReceive = true;
    if (version === ordersVersion) {
      this.#send({ verb: "start", assignment: this.#assignment });
      return;
    }
    const versions = `the program on disk uses version ${version} of the messages between supervisor and workers, and the running supervisor version ${ordersVersion}`;
    this.#failure = { message: `${versions}: restart the server`, code: undefined };
    this.kill();
  }

  /** A worker that cannot receive orders yet has no clients, so it is killed. */
  #order(order: Order): void {
    if (this.#canReceive) this.#send(order);
    else this.kill();
  }

  #send(order: Order): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      this.#child.send(order);
    } catch {
      // The process is dying and the channel is already closed. Its exit follows.
    }
  }

  /** The system still assigns new connections to a hanging worker, and they would never be accepted. */
  #hangs(ms: number): void {
    log().error("{name} has not responded for {seconds} s: killing it", { name: this.name, seconds: ms / 1000 });
    this.kill();
  }

  #gone(): StopReceipt | undefined {
    this.#pulse.stop();
    this.#closed.resolve(0);
    this.#held.resolve();
    const { message, code } = this.#failure ?? { message: "it exited before it was ready", code: undefined };
    this.#ready.reject(new WorkerFailure(`${this.name}: ${message}`, code));
    return this.#receipt;
  }
}
