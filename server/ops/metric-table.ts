import { errorTable } from "../../protocol/errors.ts";
import { measureBounds } from "../delivery/measures.ts";
import { drainPhases } from "../hub/drain.ts";

/** A metric. Counters only grow. */
export interface Metric {
  readonly name: string;
  readonly kind: "counter" | "gauge" | "histogram";
  readonly help: string;
  /** How the values of several processes are combined. */
  readonly combine: "sum" | "max";
  /** Of a counter that has one value per value of a label. */
  readonly label?: { readonly name: string; readonly values: readonly string[] };
  /** The upper bounds of a histogram's buckets. */
  readonly bounds?: readonly number[];
}

/** Values by the key of their series, see `seriesOf`. Metrics that a process does not have are omitted. */
export type MetricValues = Readonly<Record<string, number>>;

const gauge = (name: string, help: string): Metric => ({ name, kind: "gauge", help, combine: "sum" });
const highest = (name: string, help: string): Metric => ({ name, kind: "gauge", help, combine: "max" });
const counter = (name: string, help: string): Metric => ({ name, kind: "counter", help, combine: "sum" });
const histogram = (name: string, bounds: readonly number[], help: string): Metric => ({
  name,
  kind: "histogram",
  help,
  combine: "sum",
  bounds,
});

/** All metrics, in the order in which they are shown. */
export const metricTable: readonly Metric[] = [
  gauge("active_connections", "Open connections."),
  gauge("channels", "Channels with subscribers, counted once per worker."),
  gauge("slow_connections", "Connections whose socket buffer is full."),
  gauge(
    "unlisted_presences",
    "Connections that are not listed in the presence of a channel, because of PRESENCE_SIZE or PRESENCE_BYTES.",
  ),
  gauge("draining", "Workers that are draining."),
  highest(
    "drain_phase",
    `Phase of the shutdown, of the worker that is furthest: ${drainPhases.map((phase, n) => `${n} ${phase}`).join(", ")}.`,
  ),
  highest("drain_deadline_seconds", "Time until draining workers close their remaining connections."),
  gauge("drain_remaining", "Open connections of workers that are draining."),
  gauge("memory_bytes", "Resident memory of all processes."),
  counter("connections_total", "Connections that were accepted."),
  counter("connections_refused_total", "Connections that were refused."),
  {
    ...counter(
      "refusals_total",
      "Connections, commands of clients and HTTP requests that were refused, by error code.",
    ),
    label: { name: "code", values: Object.keys(errorTable) },
  },
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
  counter("rolls_total", "Reloads and upgrades since the start of the server, failed ones included."),
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
  histogram(
    "delivery_latency_seconds",
    measureBounds.latency,
    "Time from storing a publication until its flush had written it to all connections that were up to date, once per connection. Includes the time in which it was batched, and up to 1 ms too much. Between machines it is as exact as their clocks.",
  ),
  histogram(
    "write_publications",
    measureBounds.publications,
    "Publications per write of live publications to a socket.",
  ),
  histogram("write_bytes", measureBounds.bytes, "Bytes of JSON per write of live publications to a socket."),
  counter("cpu_seconds_total", "CPU time of all processes."),
];
