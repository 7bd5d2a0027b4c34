import type { ClientKind } from "./program.ts";
import type { Percentiles } from "./statistics.ts";

/** What the bench asks of its load generator; each is answered by one `GeneratorAnswer`, in order. */
export type GeneratorCommand =
  /** Opens so many more connections. @param sampled How many of them measure latency. */
  | {
      readonly type: "open";
      readonly port: number;
      readonly clients: ClientKind;
      readonly count: number;
      readonly sampled: number;
    }
  /** Forgets what was counted. */
  | { readonly type: "reset" }
  | { readonly type: "report" };

export type GeneratorAnswer =
  | { readonly type: "done" }
  | { readonly type: "failed"; readonly why: string }
  | { readonly type: "report"; readonly report: LoadReport };

/** What the clients got since the last reset. */
export interface LoadReport {
  readonly messages: number;
  /** Of the sampled connections, in milliseconds; undefined where they got none. */
  readonly latencyMs: Percentiles | undefined;
  /** What the load generator itself used since it began. */
  readonly cpuUs: number;
}
