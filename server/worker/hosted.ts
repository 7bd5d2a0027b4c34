import { getLogger } from "@logtape/logtape";
import { secretsOf } from "../config/secrets.ts";
import { systemClock } from "../lib/clock.ts";
import { IdleCollector } from "../lib/idle-collector.ts";
import { makeLogWriter } from "../lib/log-writer.ts";
import { configureLogging } from "../lib/logging.ts";
import { joinBackbone } from "./backbone.ts";
import { FanfareServer } from "./fanfare-server.ts";
import { type Assignment, type Order, ordersVersion, type Report } from "./orders.ts";
import { logUncaughtErrors } from "./signals.ts";
import type { StopReceipt } from "./stop.ts";

/**
 * The entry point of a worker process under a supervisor, which controls it by messages. Signals are ignored, because Ctrl+C in
 * a terminal reaches every process of the group. If the supervisor dies, the history is gone with it, so the worker closes its
 * clients within DRAIN_WINDOW and exits.
 */

/** How long to wait until the supervisor confirms the final report. */
const finalReportMs = 2000;

let server: FanfareServer | undefined;
const planned = Promise.withResolvers<readonly number[]>();
let isOrphaned = false;
/** Set once everything is done. */
let exitCode: number | undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
process.on("message", (order: Order) => {
  if (order.verb === "start") void start(order.assignment);
  else if (order.verb === "ping") report({ verb: "pong" });
  else if (order.verb === "drain") void reportStopped(server?.stop());
  else if (order.verb === "move") void reportStopped(server?.moveClients(order.successor));
  else if (order.verb === "slots") planned.resolve(order.slots);
  else if (order.verb === "hurry") void server?.stopNow();
  else if (exitCode !== undefined) process.exit(exitCode);
});
process.on("disconnect", () => void orphaned("its process has ended"));
report({ verb: "hello", version: ordersVersion });

async function start(assignment: Assignment): Promise<void> {
  const { name, settings, backboneAddress, hasTerminal } = assignment;
  configureLogging({
    level: settings.logLevel,
    format: settings.logFormat,
    write: makeLogWriter(process.stdout),
    secrets: secretsOf(settings),
    hasColors: process.stdout.isTTY === true && !process.env.NO_COLOR,
  });
  logUncaughtErrors();
  new IdleCollector(systemClock); // for as long as this process lives
  try {
    server = new FanfareServer(settings, {
      ...joinBackbone(settings, backboneAddress, { name, onHostGone: (reason) => void orphaned(reason) }),
      sharesPort: true,
      hasTerminal,
      planSlots,
      onDrainWanted: () => report({ verb: "drain-wanted" }),
      clock: systemClock,
    });
    report({ verb: "ready", address: await server.start() });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : undefined;
    report({ verb: "failed", message: error instanceof Error ? error.message : String(error), code });
    leave(1);
  }
}

/** The supervisor plans the slots once all workers have stopped listening. An orphan plans alone. */
async function planSlots(connections: number): Promise<readonly number[] | undefined> {
  if (!process.connected || isOrphaned) return undefined;
  report({ verb: "closed", connections });
  return planned.promise;
}

async function reportStopped(stopping: Promise<StopReceipt> | undefined): Promise<void> {
  const receipt = await stopping;
  if (receipt !== undefined && server !== undefined)
    report({ verb: "stopped", receipt, metrics: server.readMetrics() });
  leave(0);
}

async function orphaned(reason: string): Promise<void> {
  if (exitCode !== undefined || isOrphaned) return;
  isOrphaned = true;
  getLogger(["fanfare", "worker"]).error("Lost the supervisor ({reason}): closing all connections", { reason });
  await server?.moveClients();
  leave(1);
}

function report(word: Report): void {
  try {
    if (process.connected) process.send?.(word);
  } catch {
    // The supervisor is dying. The event "disconnect" follows.
  }
}

/** Exits once the supervisor has confirmed the final report: exiting earlier could lose it. */
function leave(code: number): void {
  if (exitCode !== undefined) return;
  exitCode = code;
  if (!process.connected || isOrphaned) process.exit(code);
  setTimeout(() => process.exit(code), finalReportMs);
}
