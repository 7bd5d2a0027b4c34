import type { ApplicationHooks } from "../hooks/application-hooks.ts";
import type { MetricValues } from "../ops/metric-table.ts";

/** The metrics of what a process sends to the application. */
export function hookMetrics({ counts }: ApplicationHooks): MetricValues {
  return {
    hook_calls_total: counts.calls,
    hook_failures_total: counts.failures,
    hook_kept_answers_total: counts.kept,
    hook_refusals_total: counts.refusals,
  };
}
