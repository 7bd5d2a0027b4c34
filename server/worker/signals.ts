import { constants } from "node:os";
import { isatty } from "node:tty";
import { getLogger } from "@logtape/logtape";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { AuditTrail } from "../limits/audit-trail.ts";
import { logReceipt, type StopReceipt } from "./stop.ts";

const log = () => getLogger(["fanfare", "signals"]);

/** The target of signals: a server, or a supervisor with its workers. */
export interface Stoppable {
  /** Signals are part of it. */
  readonly audit?: Pick<AuditTrail, "record">;
  /** Resolves once it has stopped, for whatever reason. */
  readonly stopped: Promise<StopReceipt>;
  /** Waits for the clients to leave. Idempotent. */
  stop(): Promise<StopReceipt>;
  /** Makes all clients reconnect elsewhere within DRAIN_WINDOW, even if it is already waiting for them. */
  moveClients(): Promise<StopReceipt>;
  /** Closes all clients now. */
  stopNow(): Promise<StopReceipt>;
  /** Reads the certificate again, without a supervisor. @returns false without TLS */
  reloadCertificate?(): boolean;
  /** Replaces all workers by new ones, with the settings and the program now on disk. Only a supervisor can. */
  reload?(): void;
  /** The same, and the program of this process is replaced too. */
  upgrade?(): void;
}

export interface SignalsOptions {
  readonly clock?: Pick<Clock, "monotonic">;
  /**
   * Whether the program was started in a terminal. Determined at start, because a closed terminal is no longer detected as one.
   */
  readonly hasTerminal?: boolean;
  /** Calls `run` when the launcher, which forwards signals, dies. */
  readonly onLauncherGone?: OnLauncherGone;
}

/** @returns removes the listener */
export type OnLauncherGone = (run: () => void) => () => void;

/** Whether one of the three standard streams is a terminal. Then SIGHUP means that it was closed. */
export function isAtTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

/** The same signal twice within this time counts once: it reached the whole group, and a launcher forwarded it too. */
const sameSignalMs = 100;

/**
 * On the first signal the server waits for its clients to leave, on the second it closes them, on the third the process exits.
 * If the terminal or the launcher is gone, no second signal can come, so the clients are closed within DRAIN_WINDOW.
 * @returns the exit code, once everything has stopped: 0, or 128 + the number of the second signal
 */
export async function handleSignals(server: Stoppable, options: SignalsOptions = {}): Promise<number> {
  const { clock = systemClock, hasTerminal = isAtTerminal(), onLauncherGone } = options;
  let received = 0;
  let exitCode = 0;
  let last: { readonly signal: NodeJS.Signals; readonly at: number } | undefined;
  // Which process sent it is not known.
  const by = { who: "a process", from: "this machine", result: "ok" };
  const record = (signal: NodeJS.Signals, effect: string) =>
    server.audit?.record({ action: `${signal} (${effect})`, ...by });
  const onSignal = (signal: NodeJS.Signals) => {
    const at = clock.monotonic();
    if (last?.signal === signal && at - last.at < sameSignalMs) return;
    last = { signal, at };
    received++;
    record(signal, received === 1 ? "shut down" : received === 2 ? "close all connections" : "exit");
    if (received === 1) {
      void server.stop();
      return;
    }
    exitCode = 128 + constants.signals[signal];
    if (received > 2) process.exit(exitCode);
    void server.stopNow();
  };
  process.on("SIGINT", onSignal).on("SIGTERM", onSignal);
  process.on("SIGHUP", () => {
    record("SIGHUP", hasTerminal ? "shut down, the terminal is gone" : "reload");
    if (hasTerminal) void server.moveClients();
    else if (server.reload !== undefined) server.reload();
    else if (server.reloadCertificate?.()) log().info("SIGHUP: reading the certificate again, and no other settings");
    else log().warning("SIGHUP ignored: only a server with WORKERS can reload its settings");
  });
  process.on("SIGUSR2", () => {
    record("SIGUSR2", "upgrade");
    if (server.upgrade !== undefined) server.upgrade();
    else log().warning("SIGUSR2 ignored: only a server with WORKERS can replace its program while it runs");
  });
  const removeListener = onLauncherGone?.(() => {
    log().warning("The process that started this server has ended: stopping");
    void server.moveClients();
  });
  logReceipt(await server.stopped);
  removeListener?.();
  return exitCode;
}

/** Logs uncaught errors instead of exiting, so that a bug in one connection does not affect the others. */
export function logUncaughtErrors(): void {
  process.on("uncaughtException", (error) => log().error("Uncaught exception: {error}", { error }));
  process.on("unhandledRejection", (error) => log().error("Unhandled rejection: {error}", { error }));
}
