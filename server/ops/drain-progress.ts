import { type DrainPhase, drainPhases } from "../hub/drain.ts";
import type { OpsDependencies } from "./health.ts";
import type { RollStatus } from "./rolls.ts";

/** The body of `GET /v1/drain`. */
export interface DrainProgress {
  readonly status: "running" | "draining";
  readonly phase: DrainPhase;
  readonly remaining: number;
  readonly closed: { readonly left: number; readonly moved: number; readonly forced: number };
  readonly unflushed_bytes: number;
  readonly deadline_s: number;
  /** The last roll; omitted before the first one. */
  readonly roll?: RollStatus;
}

/** @param values the metrics of the whole server, by name */
export function drainProgress(
  values: Readonly<Record<string, string | number>>,
  { isDraining }: Pick<OpsDependencies, "isDraining">,
  roll: RollStatus | undefined,
): DrainProgress {
  const numberOf = (name: string) => Number(values[name] ?? 0);
  return {
    status: isDraining() ? "draining" : "running",
    phase: drainPhases[numberOf("drain_phase")] ?? "running",
    remaining: numberOf("drain_remaining"),
    closed: {
      left: numberOf("drain_left_total"),
      moved: numberOf("drain_moved_total"),
      forced: numberOf("drain_forced_total"),
    },
    unflushed_bytes: numberOf("drain_unflushed_bytes_total"),
    deadline_s: numberOf("drain_deadline_seconds"),
    ...(roll === undefined ? {} : { roll }),
  };
}
