import { availableParallelism } from "node:os";
import { getLogger } from "@logtape/logtape";
import type { Settings } from "../config/settings.ts";
import type { RunEvents } from "../worker/run.ts";
import { obeySignals, survive } from "../worker/signals.ts";
import { Supervisor } from "./supervisor.ts";

/**
 * Runs a server of several workers until a signal has ended it, or its workers cannot be kept alive.
 * @returns the exit code: 0, 1 after a crash loop, or 128 + the number of the signal that could not wait
 * @throws Error with the code EADDRINUSE where the port is taken, or what storage or the first worker says
 */
export async function runSupervisor(settings: Settings, { onListening }: RunEvents): Promise<number> {
  const supervisor = await Supervisor.start(settings, countOf(settings.workers));
  survive();
  const ended = obeySignals(supervisor);
  onListening(supervisor.address);
  const reason = await Promise.race([ended, supervisor.failed]);
  if (typeof reason === "number") return reason;
  getLogger(["fanfare", "supervisor"]).fatal("The server is stopped: {reason}", { reason });
  await supervisor.stopNow();
  return 1;
}

/** A port is shared by several processes on Linux only; elsewhere the settings have been checked already. */
function countOf(workers: Settings["workers"]): number {
  if (typeof workers === "number") return workers;
  return process.platform === "linux" ? availableParallelism() : 1;
}
