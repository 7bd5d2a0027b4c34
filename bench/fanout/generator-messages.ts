import type { ClientKind } from "./program.ts";
import type { Percentiles } from "./statistics.ts";

/** Requests of the bench to its load generator. Each gets one `GeneratorAnswer`, in order. */
export type GeneratorCommand =
  /** Opens this many more connections. @param sampled how many of them measure latency */
  | {
      readonly type: "open";
      readonly port: number;
      readonly clients: ClientKind;
      /** The path of the server's driver. */
      readonly driver: string;
      readonly count: number;
      readonly sampled: number;
    }
  /** Resets the counts. */
  | { readonly type: "reset" }
  | { readonly type: "report" };

export type GeneratorAnswer =
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly why: string }
  | { readonly type: "report"; readonly report: LoadReport };

/** The messages that the clients received since the last reset. */
export interface LoadReport {
  readonly messages: number;
  /** The latencies of the sampled connections in milliseconds; undefined if nothing arrived. */
  readonly latencyMs: Percentiles | undefined;
  /** The load generator's own usage since its start. */
  readonly cpuUs: number;
}
