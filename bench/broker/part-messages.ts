import type { Percentiles } from "../fanout/statistics.ts";
import type { BrokerBenchOptions } from "./broker-options.ts";

/** What the bench asks of a process that takes part; each is answered by one `PartAnswer`, in order. */
export type PartCommand =
  | { readonly type: "usage" }
  | { readonly type: "throughput"; readonly options: BrokerBenchOptions }
  | { readonly type: "latency"; readonly options: BrokerBenchOptions };

export type PartAnswer =
  /** It is there, and listens. */
  | { readonly type: "ready" }
  | { readonly type: "failed"; readonly why: string }
  | { readonly type: "usage"; readonly usage: PartUsage }
  | { readonly type: "throughput"; readonly published: number; readonly seconds: number }
  /** From the call of publish to the delivery to the same worker, milliseconds. */
  | { readonly type: "latency"; readonly latencyMs: Percentiles | undefined };

/** Since the process began. */
export interface PartUsage {
  readonly cpuUs: number;
  readonly deliveries: number;
}
