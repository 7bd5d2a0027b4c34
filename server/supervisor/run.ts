import { constants } from "node:os";
import { getLogger } from "@logtape/logtape";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { IdleCollector } from "../lib/idle-collector.ts";
import { clearLeftovers } from "../ops/control-socket.ts";
import type { RunEvents } from "../worker/run.ts";
import { handleSignals, isAtTerminal, logUncaughtErrors } from "../worker/signals.ts";
import { Supervisor } from "./supervisor.ts";
import { readTakeover } from "./takeover.ts";

const log = () => getLogger(["fanfare", "supervisor"]);

/**
 * Runs a server of several workers until it has stopped, or a worker is in a crash loop.
 * @returns the exit code: 0, 1 after a crash loop, or 128 + the number of the second signal
 * @throws Error with the code EADDRINUSE if the port is in use, or the error of the storage or of the first worker that fails
 */
export async function runSupervisor(settings: Settings, events: RunEvents): Promise<number> {
  const { onListening, onLauncherGone, readSettings, onReloaded, launcherPipe, takeoverPath } = events;
  const hasTerminal = isAtTerminal();
  const takeover = takeoverPath === undefined ? undefined : readTakeover(takeoverPath);
  const starting = new StartSignals(takeover !== undefined && !hasTerminal);
  let supervisor: Supervisor | undefined;
  try {
    const start = { hasTerminal, readSettings, onReloaded, launcherPipe, signal: starting.aborted };
    supervisor =
      takeover === undefined
        ? await Supervisor.start(settings, start)
        : await Supervisor.takeOver(settings, start, takeover);
  } catch (error) {
    if (starting.exitCode === undefined) throw error;
  } finally {
    starting.close();
  }
  if (supervisor === undefined) {
    log().info("Stopped while starting");
    return starting.exitCode ?? 1;
  }
  // A third signal exits the process at once. Kill the workers and remove the socket files then too.
  process.once("exit", () => supervisor.abandon());
  logUncaughtErrors();
  const collector = new IdleCollector(systemClock);
  const ended = handleSignals(supervisor, { hasTerminal, onLauncherGone }).finally(() => collector.close());
  // A signal arrived while some workers were still starting and others had clients already.
  if (starting.exitCode !== undefined) void supervisor.stop();
  else if (takeover === undefined) onListening(supervisor.address);
  else supervisor.finishUpgrade(takeover);
  void clearLeftovers();
  const reason = await Promise.race([ended, supervisor.failed]);
  if (typeof reason === "number") return reason;
  log().fatal("Stopping the server: {reason}", { reason });
  // The other workers are healthy. Their clients can reconnect to the server that replaces this one.
  await supervisor.moveClients();
  return 1;
}

/** Handles signals while the server starts. */
class StartSignals {
  /** Set by a signal: 128 + its number. */
  exitCode: number | undefined;
  readonly #abort = new AbortController();

  /**
   * @param ignoresReload whether SIGHUP and SIGUSR2 are ignored, which would end the process. A server that continues in a new
   *   program is about to start workers with the settings and the program that are on disk.
   */
  constructor(ignoresReload: boolean) {
    process.on("SIGINT", this.#onSignal).on("SIGTERM", this.#onSignal);
    if (ignoresReload) process.on("SIGHUP", this.#ignore).on("SIGUSR2", this.#ignore);
  }

  get aborted(): AbortSignal {
    return this.#abort.signal;
  }

  close(): void {
    process.off("SIGINT", this.#onSignal).off("SIGTERM", this.#onSignal);
    process.off("SIGHUP", this.#ignore).off("SIGUSR2", this.#ignore);
  }

  readonly #ignore = (): void => undefined;

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.exitCode = 128 + constants.signals[signal];
    this.#abort.abort();
  };
}
