import type { Hub } from "../hub/hub.ts";

/** A metric. Counters only grow. */
export interface Metric {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
}

/** Values by metric name. Metrics that a process does not have are omitted. */
export type MetricValues = Readonly<Record<string, number>>;

const gauge = (name: string, help: string): Metric => ({ name, kind: "gauge", help });
const counter = (name: string, help: string): Metric => ({ name, kind: "counter", help });

/** All metrics, in the order in which they are shown. */
export const metricTable: readonly Metric[] = [
  gauge("active_connections", "Open connections."),
  gauge("channels", "Channels with subscribers, counted once per worker."),
  gauge("slow_connections", "Connections whose socket buffer is full."),
  gauge("draining", "Workers that are draining."),
  gauge("memory_bytes", "Resident memory of all processes."),
  counter("connections_total", "Connections that were accepted."),
  counter("refusals_total", "Connections that were refused."),
  counter("publications_total", "Publications that were stored or delivered without storing."),
  counter("frames_total", "Frames received from clients."),
  counter("deliveries_total", "Publications delivered live to connections."),
  counter("pumped_total", "Publications delivered from history to lagging connections."),
  counter("gaps_total", "Gaps announced to clients."),
  counter("writes_total", "Writes of live publications to sockets."),
  counter("flushes_total", "Flushes of pending publications to connections."),
  counter("cpu_seconds_total", "CPU time of all processes."),
];

/** The metrics of a process that has connections. */
export function hubMetrics(hub: Hub, isDraining: boolean): MetricValues {
  const { deliveries, pumped, gaps, writes, flushes } = hub.delivery.counts;
  return {
    ...processMetrics(),
    active_connections: hub.connections.size,
    channels: hub.delivery.interest.size,
    slow_connections: hub.slowReaders,
    draining: isDraining ? 1 : 0,
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
