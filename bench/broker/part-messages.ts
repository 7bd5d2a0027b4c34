import type { Percentiles } from "../fanout/statistics.ts";
import type { BrokerBenchOptions } from "./broker-options.ts";

/** Requests of the bench to a participating process. Each gets one `PartAnswer`, in order. */
export type PartCommand =
  | { readonly type: "usage" }
  | { readonly type: "throughput"; readonly options: BrokerBenchOptions }
  | { readonly type: "latency"; readonly options: BrokerBenchOptions };

export type PartAnswer =
  /** It has started and listens. */
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly why: string }
  | { readonly type: "usage"; readonly usage: PartUsage }
  | { readonly type: "throughput"; readonly published: number; readonly seconds: number }
  /** The time from the call of `publish` to the delivery to the same worker, milliseconds. */
  | { readonly type: "latency"; readonly latencyMs: Percentiles | undefined };

/** Totals since the start of the process. */
export interface PartUsage {
  readonly cpuUs: number;
  readonly deliveries: number;
}
