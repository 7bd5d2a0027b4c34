import { join } from "node:path";
import { getLogger } from "@logtape/logtape";
import type { Subprocess } from "bun";
import { type Clock, systemClock } from "../lib/clock.ts";
import { Pulse } from "../lib/link/pulse.ts";
import type { Assignment, Order, Report } from "../worker/orders.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { WorkerFailure } from "./worker-failure.ts";

const program = join(import.meta.dir, "..", "worker", "hosted.ts");
/** How often a worker is asked whether it lives, and how often it may owe the answer: a garbage collection is no hang. */
const usualPatience = { beatMs: 5000, maxSilentBeats: 6 };

const log = () => getLogger(["fanfare", "supervisor"]);

/** What a worker's process needs of its owner. */
export interface WorkerProcessOptions {
  /** Somebody asked it by HTTP that the whole server stops. */
  onDrainWanted(): void;
  readonly clock?: Clock;
  readonly patience?: { readonly beatMs: number; readonly maxSilentBeats: number };
}

/** One worker's process, from its start to its end. */
export class WorkerProcess {
  /** Resolves once it listens; rejects with a WorkerFailure if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves with its last words once the process is gone, by whatever; undefined where it said none. */
  readonly ended: Promise<StopReceipt | undefined>;
  readonly name: string;
  readonly #assignment: Assignment;
  readonly #child: Subprocess;
  readonly #pulse: Pulse;
  readonly #ready = Promise.withResolvers<void>();
  #hears = false;
  #failure: { readonly message: string; readonly code: string | undefined } | undefined;
  #receipt: StopReceipt | undefined;

  /** @throws Error where the system gives no process */
  constructor(assignment: Assignment, { onDrainWanted, clock = systemClock, patience }: WorkerProcessOptions) {
    this.name = assignment.name;
    this.#assignment = assignment;
    this.#child = Bun.spawn([process.execPath, "--no-env-file", program], {
      // The supervisor alone reads what a person types.
      stdio: ["ignore", "inherit", "inherit"],
      env: process.env,
      serialization: "advanced",
      ipc: (report: Report) => {
        this.#pulse.received();
        if (report.verb === "drain-wanted") onDrainWanted();
        else this.#take(report);
      },
    });
    this.#pulse = new Pulse(
      { clock, ...(patience ?? usualPatience) },
      { onBeat: () => this.#hears && this.#say({ verb: "ping" }), onSilence: (ms) => this.#hangs(ms) },
    );
    this.ready = this.#ready.promise;
    this.ended = this.#child.exited.then(() => this.#gone());
    // Whoever waits for neither hears of the end by `ended`.
    this.ready.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How it ended, for the log: `exit code 1`, `SIGKILL`, and why where it said so. */
  get ending(): string {
    const { signalCode, exitCode } = this.#child;
    const how = signalCode === null ? `exit code ${exitCode}` : String(signalCode);
    return this.#failure === undefined ? how : `${how} (${this.#failure.message})`;
  }

  /** Waits for its clients to leave. */
  drain(): void {
    this.#order({ verb: "drain" });
  }

  /** Sends its clients away within DRAIN_WINDOW. */
  move(): void {
    this.#order({ verb: "move" });
  }

  /** Closes its clients now. */
  hurry(): void {
    this.#order({ verb: "hurry" });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #take(report: Exclude<Report, { verb: "drain-wanted" }>): void {
    switch (report.verb) {
      case "hello":
        this.#hears = true;
        this.#say({ verb: "start", assignment: this.#assignment });
        break;
      case "ready":
        this.#ready.resolve();
        break;
      case "stopped":
        this.#receipt = report.receipt;
        this.#say({ verb: "leave" });
        break;
      case "failed":
        this.#failure = report;
        this.#say({ verb: "leave" });
        break;
      case "pong":
        break; // heard already
    }
  }

  /** One that does not hear yet has no clients, and would miss the order. */
  #order(order: Order): void {
    if (this.#hears) this.#say(order);
    else this.kill();
  }

  #say(order: Order): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      this.#child.send(order);
    } catch {
      // It is dying: the way to it is closed already, and its end follows.
    }
  }

  /** Its port goes on taking its share of new clients, who would wait for ever. */
  #hangs(ms: number): void {
    log().error("{name} gave no sign of life for {seconds} s and is killed", { name: this.name, seconds: ms / 1000 });
    this.kill();
  }

  #gone(): StopReceipt | undefined {
    this.#pulse.stop();
    const { message, code } = this.#failure ?? { message: "it ended before it was ready", code: undefined };
    this.#ready.reject(new WorkerFailure(`${this.name}: ${message}`, code));
    return this.#receipt;
  }
}
