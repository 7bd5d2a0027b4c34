import { type Drain, drainPhases } from "../hub/drain.ts";
import type { Hub } from "../hub/hub.ts";
import { residentBytes } from "../lib/resident-memory.ts";
import type { MetricValues } from "./metric-table.ts";
import { histogramValues } from "./series.ts";

/** The metrics of a process that has connections. */
export function hubMetrics(hub: Hub, drain: Drain): MetricValues {
  const { left, moved, forced, unflushedBytes } = drain.receipt;
  const isDraining = drain.phase !== "running";
  const { complete, incomplete } = hub.delivery.resumes;
  const { deliveries, pumped, gaps, writes, flushes } = hub.delivery.counts;
  const { measures } = hub.delivery;
  return {
    ...processMetrics(),
    active_connections: hub.connections.size,
    channels: hub.delivery.interest.size,
    slow_connections: hub.slowReaders,
    unlisted_presences: hub.presence.unlisted,
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
    connections_refused_total: hub.reception.counts.refused,
    publications_total: hub.published,
    frames_total: hub.framesReceived,
    deliveries_total: deliveries,
    pumped_total: pumped,
    gaps_total: gaps,
    writes_total: writes,
    flushes_total: flushes,
    ...histogramValues("delivery_latency_seconds", measures.latency),
    ...histogramValues("write_publications", measures.publications),
    ...histogramValues("write_bytes", measures.bytes),
  };
}

/** The metrics of any process. */
export function processMetrics(): MetricValues {
  const { user, system } = process.cpuUsage();
  return { memory_bytes: residentBytes(), cpu_seconds_total: (user + system) / 1e6 };
}
