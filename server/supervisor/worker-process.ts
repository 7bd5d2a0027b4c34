import { join } from "node:path";
import type { Subprocess } from "bun";
import type { Assignment, Order, Report } from "../worker/orders.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { WorkerFailure } from "./worker-failure.ts";

const program = join(import.meta.dir, "..", "worker", "hosted.ts");

/** One worker's process, from its start to its end. */
export class WorkerProcess {
  /** Resolves once it listens; rejects with a WorkerFailure if it ends before. */
  readonly ready: Promise<void>;
  /** Resolves with its last words once the process is gone, by whatever; undefined where it said none. */
  readonly ended: Promise<StopReceipt | undefined>;
  readonly name: string;
  readonly #child: Subprocess;
  #receipt: StopReceipt | undefined;

  /** @param onDrainWanted somebody asked it by HTTP that the whole server stops */
  constructor(assignment: Assignment, onDrainWanted: () => void) {
    this.name = assignment.name;
    const ready = Promise.withResolvers<void>();
    const failure = { message: "it ended before it was ready", code: undefined as string | undefined };
    this.#child = Bun.spawn([process.execPath, "--no-env-file", program], {
      // The supervisor alone reads what a person types.
      stdio: ["ignore", "inherit", "inherit"],
      env: process.env,
      serialization: "advanced",
      ipc: (report: Report) => {
        if (report.verb === "hello") this.#say({ verb: "start", assignment });
        else if (report.verb === "ready") ready.resolve();
        else if (report.verb === "stopped") this.#receipt = report.receipt;
        else if (report.verb === "drain-wanted") onDrainWanted();
        else Object.assign(failure, { message: report.message, code: report.code });
      },
    });
    this.ready = ready.promise;
    this.ended = this.#child.exited.then(() => {
      ready.reject(new WorkerFailure(`${this.name}: ${failure.message}`, failure.code));
      return this.#receipt;
    });
    // Whoever waits for neither hears of the end by `ended`.
    this.ready.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** How it ended, for the log: `exit code 1`, `SIGKILL`. */
  get ending(): string {
    const { signalCode, exitCode } = this.#child;
    return signalCode === null ? `exit code ${exitCode}` : String(signalCode);
  }

  /** Lets its clients leave. */
  drain(): void {
    this.#say({ verb: "drain" });
  }

  /** Closes its clients now. */
  hurry(): void {
    this.#say({ verb: "hurry" });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  #say(order: Order): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.send(order);
  }
}
