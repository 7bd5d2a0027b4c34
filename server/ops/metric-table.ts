import { type Drain, drainPhases } from "../hub/drain.ts";
import type { Hub } from "../hub/hub.ts";

/** A metric. Counters only grow. */
export interface Metric {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
  /** How the values of several processes are combined. */
  readonly combine: "sum" | "max";
}

/** Values by metric name. Metrics that a process does not have are omitted. */
export type MetricValues = Readonly<Record<string, number>>;

const gauge = (name: string, help: string): Metric => ({ name, kind: "gauge", help, combine: "sum" });
const highest = (name: string, help: string): Metric => ({ name, kind: "gauge", help, combine: "max" });
const counter = (name: string, help: string): Metric => ({ name, kind: "counter", help, combine: "sum" });

/** All metrics, in the order in which they are shown. */
export const metricTable: readonly Metric[] = [
  gauge("active_connections", "Open connections."),
  gauge("channels", "Channels with subscribers, counted once per worker."),
  gauge("slow_connections", "Connections whose socket buffer is full."),
  gauge("draining", "Workers that are draining."),
  highest(
    "drain_phase",
    `Phase of the shutdown, of the worker that is furthest: ${drainPhases.map((phase, n) => `${n} ${phase}`).join(", ")}.`,
  ),
  highest("drain_deadline_seconds", "Time until draining workers close their remaining connections."),
  gauge("drain_remaining", "Open connections of workers that are draining."),
  highest(
    "roll",
    "The number of the last reload or upgrade, counted from the start of the server, whether it succeeded or not.",
  ),
  gauge("memory_bytes", "Resident memory of all processes."),
  counter("connections_total", "Connections that were accepted."),
  counter("refusals_total", "Connections that were refused."),
  counter("publications_total", "Publications that were stored or delivered without storing."),
  counter("frames_total", "Frames received from clients."),
  counter("deliveries_total", "Publications delivered live to connections."),
  counter("pumped_total", "Publications delivered from history to lagging connections."),
  counter("gaps_total", "Gaps announced to clients."),
  counter("resumes_complete_total", "Channels that a client continued from its position, with nothing missing."),
  counter("resumes_incomplete_total", "Channels that a client could not continue without a gap."),
  counter("drain_left_total", "Connections of draining workers that their clients closed."),
  counter("drain_moved_total", "Connections that a draining worker closed at their reconnect time."),
  counter("drain_forced_total", "Connections that a draining worker closed at the deadline, or for an immediate stop."),
  counter("drain_unflushed_bytes_total", "Bytes that clients had not read when a draining worker closed them."),
  counter("rolls_failed_total", "Reloads and upgrades that were stopped because new workers could not start."),
  counter("hook_calls_total", "Connect and subscribe hooks that were called."),
  counter("hook_failures_total", "Calls that the application did not answer."),
  counter("hook_kept_answers_total", "Questions that were decided by an earlier answer."),
  counter("hook_refusals_total", "Connections and subscriptions that the application refused."),
  gauge("webhooks_waiting", "Webhooks that were not accepted yet."),
  gauge("webhooks_waiting_bytes", "The same in bytes."),
  counter("webhooks_sent_total", "Webhooks that the application accepted."),
  counter("webhooks_failures_total", "Attempts to send a webhook that failed."),
  counter("webhooks_dropped_total", "Webhooks that were dropped: the queue was full, or they were tried for too long."),
  counter("writes_total", "Writes of live publications to sockets."),
  counter("flushes_total", "Flushes of pending publications to connections."),
  counter("cpu_seconds_total", "CPU time of all processes."),
];

/** The metrics of a process that has connections. */
export function hubMetrics(hub: Hub, drain: Drain): MetricValues {
  const { left, moved, forced, unflushedBytes } = drain.receipt;
  const isDraining = drain.phase !== "running";
  const { complete, incomplete } = hub.delivery.resumes;
  const { deliveries, pumped, gaps, writes, flushes } = hub.delivery.counts;
  return {
    ...processMetrics(),
    active_connections: hub.connections.size,
    channels: hub.delivery.interest.size,
    slow_connections: hub.slowReaders,
    draining: isDraining ? 1 : 0,
    drain_phase: drainPhases.indexOf(drain.phase),
    drain_deadline_seconds: isDraining ? Math.ceil(drain.closingMs / 1000) : 0,
    drain_remaining: isDraining ? hub.connections.size : 0,
    drain_left_total: isDraining ? Math.max(0, left - hub.connections.size) : 0,
    drain_moved_total: moved,
    drain_forced_total: forced,
    drain_unflushed_bytes_total: unflushedBytes,
    resumes_complete_total: complete,
    resumes_incomplete_total: incomplete,
    connections_total: hub.reception.counts.admitted,
    refusals_total: hub.reception.counts.refused,
    publications_total: hub.published,
    frames_total: hub.framesReceived,
    deliveries_total: deliveries,
    pumped_total: pumped,
    gaps_total: gaps,
    writes_total: writes,
    flushes_total: flushes,
  };
}

/** The metrics of any process. */
export function processMetrics(): MetricValues {
  const { user, system } = process.cpuUsage();
  return { memory_bytes: process.memoryUsage.rss(), cpu_seconds_total: (user + system) / 1e6 };
}
