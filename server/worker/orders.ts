import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import type { DrainMethod } from "../hub/drain.ts";
import type { MetricValues } from "../ops/metric-table.ts";
import type { BackboneAddress } from "./backbone.ts";
import type { StopReceipt } from "./stop.ts";

/**
 * The version of the messages below. It changes with them, because a reload starts workers with the program that is on disk then.
 * A supervisor does not use workers of another version.
 */
export const ordersVersion = 2;

/** The protocol of the link between a worker and a supervisor that has taken over. */
export const ordersProtocol = `fanfare-orders/${ordersVersion}`;

/** Messages from the supervisor to a worker process. */
export type Order =
  | { readonly verb: "start"; readonly assignment: Assignment }
  /** All workers listen, so the server is ready. */
  | { readonly verb: "started" }
  /** Wait for the clients to leave. */
  | { readonly verb: "drain" }
  /** Make all clients reconnect elsewhere within DRAIN_WINDOW. */
  | { readonly verb: "move"; readonly successor?: DrainMethod["successor"] }
  /** The answer to `closed`: when the clients of this worker are to reconnect. */
  | { readonly verb: "slots"; readonly slots: readonly number[] }
  /** The supervisor is being replaced: hold back requests, and connect to the new one on this path. */
  | { readonly verb: "rejoin"; readonly path: string; readonly withinMs: number }
  /** Close all clients now. */
  | { readonly verb: "closeNow" }
  /** Liveness check. */
  | { readonly verb: "ping" }
  /** The final report has arrived: exit. */
  | { readonly verb: "leave" };

/** The data that a worker needs to start. */
export interface Assignment {
  /** For logs: `worker 2`. */
  readonly name: string;
  readonly settings: Settings;
  readonly backboneAddress: BackboneAddress;
  /** Whether the server runs in a terminal, where the user can press Ctrl+C. */
  readonly hasTerminal: boolean;
  /** Whether the server is starting: then it is ready only after the order `started`. */
  readonly isStarting: boolean;
}

/** Messages from a worker process to its supervisor. */
export type Report =
  /** The worker can receive orders. Earlier orders would be lost. */
  | { readonly verb: "hello"; readonly version: number }
  /** The response to a ping. */
  | { readonly verb: "pong" }
  | { readonly verb: "ready"; readonly address: ListeningAddress }
  | { readonly verb: "failed"; readonly message: string; readonly code: string | undefined }
  /** The answer to `rejoin`: requests are held back, and none is in flight. */
  | { readonly verb: "held" }
  /** A request over HTTP to drain the whole server. */
  | { readonly verb: "drain-wanted" }
  /** The worker does not listen any more, nothing is in flight, and this many connections are left. It waits for its slots. */
  | { readonly verb: "closed"; readonly connections: number }
  /** @property metrics the final values of its counters */
  | { readonly verb: "stopped"; readonly receipt: StopReceipt; readonly metrics: MetricValues };
