import { constants } from "node:os";
import { getLogger } from "@logtape/logtape";
import { type Clock, systemClock } from "../lib/clock.ts";
import { logReceipt, type StopReceipt } from "./stop.ts";

const log = () => getLogger(["fanfare", "signals"]);

/** What signals end: a server, or a supervisor with all of its workers. */
export interface Stoppable {
  /** Resolves once it has stopped, whoever asked for it. */
  readonly stopped: Promise<StopReceipt>;
  /** Lets everyone leave. Idempotent. */
  stop(): Promise<StopReceipt>;
  /** Closes everyone now. */
  stopNow(): Promise<StopReceipt>;
}

/** The same signal so soon again is its echo: it came to the whole group, and from whoever passes it on as well. */
const echoMs = 100;

/**
 * The first signal lets everyone leave, the second one nobody, the third is the end of the process.
 * @returns the exit code, once everything has stopped: 0, or 128 + the number of the signal that could not wait
 */
export async function obeySignals(server: Stoppable, clock: Pick<Clock, "monotonic"> = systemClock): Promise<number> {
  let received = 0;
  let exitCode = 0;
  let last: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const obey = (signal: NodeJS.Signals) => {
    const at = clock.monotonic();
    const isEcho = last?.signal === signal && at - last.at < echoMs;
    last = { signal, at };
    if (isEcho) return;
    received++;
    if (received === 1) {
      void server.stop();
      return;
    }
    exitCode = 128 + constants.signals[signal];
    if (received > 2) process.exit(exitCode);
    void server.stopNow();
  };
  process.on("SIGINT", obey).on("SIGTERM", obey);
  // The terminal is gone. Without one it is a request to reload, which there is not.
  process.on("SIGHUP", (signal) => {
    if (process.stdin.isTTY) obey(signal);
    else log().warning("SIGHUP ignored: this version cannot reload");
  });
  logReceipt(await server.stopped);
  return exitCode;
}

/** One connection's misfortune is not everybody's: what nobody caught is logged, and the server goes on. */
export function survive(): void {
  process.on("uncaughtException", (error) => log().error("An error that nobody caught: {error}", { error }));
  process.on("unhandledRejection", (error) => log().error("A rejection that nobody caught: {error}", { error }));
}
