import { constants } from "node:os";
import { isatty } from "node:tty";
import { getLogger } from "@logtape/logtape";
import { type Clock, systemClock } from "../lib/clock.ts";
import { logReceipt, type StopReceipt } from "./stop.ts";

const log = () => getLogger(["fanfare", "signals"]);

/** What signals end: a server, or a supervisor with all of its workers. */
export interface Stoppable {
  /** Resolves once it has stopped, whoever asked for it. */
  readonly stopped: Promise<StopReceipt>;
  /** Waits for the clients to leave. Idempotent. */
  stop(): Promise<StopReceipt>;
  /** Sends the clients away within DRAIN_WINDOW, also where it is waiting for them already. */
  moveClients(): Promise<StopReceipt>;
  /** Closes all clients now. */
  stopNow(): Promise<StopReceipt>;
}

/** What obeySignals is told beside the signals. */
export interface SignalsOptions {
  readonly clock?: Pick<Clock, "monotonic">;
  /**
   * Whether a person started this at a terminal. Asked at the start: a terminal that is gone says that it never was one.
   */
  readonly hasTerminal?: boolean;
  /** Calls `run` when the launcher is gone that passes on signals. */
  readonly onLauncherGone?: OnLauncherGone;
}

/** @returns stops calling */
export type OnLauncherGone = (run: () => void) => () => void;

/** Whether one of the three standard streams is a terminal: then SIGHUP says that its window was closed. */
export function isAtTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/** The same signal so soon again is an echo: it reached the whole group, and a launcher passed it on as well. */
const echoMs = 100;

/**
 * The first signal waits for the clients to leave, the second closes them, the third ends the process. When the terminal
 * or the launcher is gone, nobody is left who could send a second one: clients are sent away within DRAIN_WINDOW.
 * @returns the exit code, once everything has stopped: 0, or 128 + the number of the signal that could not wait
 */
export async function obeySignals(server: Stoppable, options: SignalsOptions = {}): Promise<number> {
  const { clock = systemClock, hasTerminal = isAtTerminal(), onLauncherGone } = options;
  let received = 0;
  let exitCode = 0;
  let last: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  const obey = (signal: NodeJS.Signals) => {
    const at = clock.monotonic();
    if (last?.signal === signal && at - last.at < echoMs) return;
    last = { signal, at };
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
  process.on("SIGHUP", () => {
    if (hasTerminal) void server.moveClients();
    else log().warning("SIGHUP ignored: this version cannot reload its settings");
  });
  const forget = onLauncherGone?.(() => {
    log().warning("The process that started this server is gone: stopping");
    void server.moveClients();
  });
  logReceipt(await server.stopped);
  forget?.();
  return exitCode;
}

/** One connection's misfortune is not everybody's: what nobody caught is logged, and the server goes on. */
export function survive(): void {
  process.on("uncaughtException", (error) => log().error("An error that nobody caught: {error}", { error }));
  process.on("unhandledRejection", (error) => log().error("A rejection that nobody caught: {error}", { error }));
}
