import type { Hub } from "../hub/hub.ts";

/** How one figure is called in both forms. Counters only ever grow. */
export interface Figure {
  readonly name: string;
  readonly kind: "counter" | "gauge";
  readonly help: string;
}

/** By the figure's name; what a process does not have is left out. */
export type Figures = Readonly<Record<string, number>>;

const gauge = (name: string, help: string): Figure => ({ name, kind: "gauge", help });
const counter = (name: string, help: string): Figure => ({ name, kind: "counter", help });

/** All figures there are, in the order in which they are shown. */
export const figureTable: readonly Figure[] = [
  gauge("active_connections", "Connections that are open now."),
  gauge("channels", "Channels that are listened to; one that two workers listen to counts twice."),
  gauge("slow_connections", "Connections whose socket is full."),
  gauge("draining", "How many workers are stopping."),
  gauge("memory_bytes", "Resident memory of all processes."),
  counter("connections_total", "Connections that were let in."),
  counter("refusals_total", "Connections that were refused."),
  counter("publications_total", "Publications that were stored or passed on."),
  counter("frames_total", "Frames that clients sent."),
  counter("deliveries_total", "Publications handed to connections, live."),
  counter("pumped_total", "Publications handed to lagging connections."),
  counter("gaps_total", "Holes that were announced."),
  counter("writes_total", "Writes of live publications to sockets."),
  counter("flushes_total", "Flushes."),
  counter("cpu_seconds_total", "Processor time of all processes."),
];

/** Of a process that has connections. */
export function hubFigures(hub: Hub, isDraining: boolean): Figures {
  const { deliveries, pumped, gaps, writes, flushes } = hub.delivery.counts;
  return {
    ...processFigures(),
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

/** Of any process. */
export function processFigures(): Figures {
  const { user, system } = process.cpuUsage();
  return { memory_bytes: process.memoryUsage.rss(), cpu_seconds_total: (user + system) / 1e6 };
}
