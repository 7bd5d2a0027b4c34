import { getLogger } from "@logtape/logtape";
import packageJson from "../../package.json" with { type: "json" };
import { secretsOf } from "../config/secrets.ts";
import { systemClock } from "../lib/clock.ts";
import { IdleCollector } from "../lib/idle-collector.ts";
import { makeLogWriter } from "../lib/log-writer.ts";
import { configureLogging } from "../lib/logging.ts";
import { openTracing } from "../telemetry/open-tracing.ts";
import { type Backbone, joinBackbone } from "./backbone.ts";
import { FanfareServer } from "./fanfare-server.ts";
import { type Assignment, type Order, ordersVersion, type Report } from "./orders.ts";
import { logUncaughtErrors } from "./signals.ts";
import type { StopReceipt } from "./stop.ts";
import { SupervisorChannel } from "./supervisor-channel.ts";

/**
 * The entry point of a worker process under a supervisor, which controls it by messages. Signals are ignored, because Ctrl+C in
 * a terminal reaches every process of the group. If the supervisor dies, the history is gone with it, so the worker closes its
 * clients within DRAIN_WINDOW and exits.
 */

/** How long to wait until the supervisor confirms the final report. */
const finalReportMs = 2000;

let server: FanfareServer | undefined;
let backbone: Backbone | undefined;
const planned = Promise.withResolvers<readonly number[]>();
let isOrphaned = false;
/** Whether all workers of this server listen. */
let isStarted = false;
/** Set once everything is done. */
let exitCode: number | undefined;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const) process.on(signal, () => undefined);
const supervisor = new SupervisorChannel({ onOrder: follow, onLost: (reason) => void orphaned(reason) });
report({ verb: "hello", version: ordersVersion });

function follow(order: Order): void {
  if (order.verb === "start") void start(order.assignment);
  else if (order.verb === "started") isStarted = true;
  else if (order.verb === "ping") report({ verb: "pong" });
  else if (order.verb === "drain") void reportStopped(server?.stop());
  else if (order.verb === "move") void reportStopped(server?.moveClients(order.successor));
  else if (order.verb === "slots") planned.resolve(order.slots);
  else if (order.verb === "rejoin") void rejoin(order);
  else if (order.verb === "closeNow") void server?.stopNow();
  else if (exitCode !== undefined) process.exit(exitCode);
}

/** Requests to the broker wait until the new supervisor is there. */
async function rejoin({ path, withinMs }: Extract<Order, { verb: "rejoin" }>): Promise<void> {
  await backbone?.hold?.(withinMs);
  report({ verb: "held" });
  supervisor.rejoin(path, withinMs);
}

async function start(assignment: Assignment): Promise<void> {
  const { name, settings, backboneAddress, hasTerminal, isStarting } = assignment;
  isStarted ||= !isStarting;
  configureLogging({
    level: settings.logLevel,
    format: settings.logFormat,
    write: makeLogWriter(process.stdout),
    secrets: secretsOf(settings),
    worker: name,
    hasColors: process.stdout.isTTY === true && !process.env.NO_COLOR,
  });
  logUncaughtErrors();
  new IdleCollector(systemClock); // for as long as this process lives
  try {
    const onHostGone = (reason: string) => {
      if (!supervisor.isRejoining) void orphaned(reason);
    };
    backbone = await joinBackbone(settings, backboneAddress, { name, onHostGone });
    server = new FanfareServer(settings, {
      ...backbone,
      tracing: await openTracing(settings, { version: packageJson.version, name }),
      sharesPort: true,
      hasTerminal,
      isStarted: () => isStarted,
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
  if (!supervisor.isOpen || isOrphaned) return undefined;
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

function report(report: Report): void {
  supervisor.send(report);
}

/** Exits once the supervisor has confirmed the final report: exiting earlier could lose it. */
function leave(code: number): void {
  if (exitCode !== undefined) return;
  exitCode = code;
  if (!supervisor.isOpen || isOrphaned) process.exit(code);
  setTimeout(() => process.exit(code), finalReportMs);
}
