import { availableParallelism, constants } from "node:os";
import { getLogger } from "@logtape/logtape";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { IdleCollector } from "../lib/idle-collector.ts";
import { clearLeftovers } from "../ops/control-socket.ts";
import type { RunEvents } from "../worker/run.ts";
import { isAtTerminal, obeySignals, survive } from "../worker/signals.ts";
import { Supervisor } from "./supervisor.ts";

const log = () => getLogger(["fanfare", "supervisor"]);

/**
 * Runs a server of several workers until a signal has ended it, or its workers cannot be kept alive.
 * @returns the exit code: 0, 1 after a crash loop, or 128 + the number of the signal that could not wait
 * @throws Error with the code EADDRINUSE where the port is taken, or what storage or the first worker says
 */
export async function runSupervisor(settings: Settings, { onListening, onLauncherGone }: RunEvents): Promise<number> {
  const hasTerminal = isAtTerminal();
  const starting = new StartSignals();
  let supervisor: Supervisor | undefined;
  try {
    supervisor = await Supervisor.start(settings, {
      count: countOf(settings.workers),
      hasTerminal,
      signal: starting.aborted,
    });
    if (starting.exitCode !== undefined) await supervisor.stopNow();
  } catch (error) {
    if (starting.exitCode === undefined) throw error;
  } finally {
    starting.close();
  }
  if (starting.exitCode !== undefined || supervisor === undefined) {
    log().info("Stopped before it had started");
    return starting.exitCode ?? 1;
  }
  // A third signal ends the process at once, and with it everything that is its own.
  process.once("exit", () => supervisor.abandon());
  survive();
  const collector = new IdleCollector(systemClock);
  const ended = obeySignals(supervisor, { hasTerminal, onLauncherGone }).finally(() => collector.close());
  onListening(supervisor.address);
  void clearLeftovers();
  const reason = await Promise.race([ended, supervisor.failed]);
  if (typeof reason === "number") return reason;
  log().fatal("The server is stopped: {reason}", { reason });
  // The other workers are healthy, and their clients can reconnect to the server that is started in place of this one.
  await supervisor.moveClients();
  return 1;
}

/** A port is shared by several processes on Linux only; elsewhere the settings have been checked already. */
function countOf(workers: Settings["workers"]): number {
  if (typeof workers === "number") return workers;
  return process.platform === "linux" ? availableParallelism() : 1;
}

/** Signals that come while the server starts: there is nobody to be waited for. */
class StartSignals {
  /** Set by a signal: 128 + its number. */
  exitCode: number | undefined;
  readonly #abort = new AbortController();

  constructor() {
    process.on("SIGINT", this.#heed).on("SIGTERM", this.#heed);
  }

  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  close(): void {
    process.off("SIGINT", this.#heed).off("SIGTERM", this.#heed);
  }

  readonly #heed = (signal: NodeJS.Signals): void => {
    this.exitCode = 128 + constants.signals[signal];
    this.#abort.abort();
  };
}
