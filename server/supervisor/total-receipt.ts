import type { StopReceipt } from "../worker/stop.ts";

/** One receipt for all workers. The sum of their maximum rates is an upper bound, since the maxima may differ in time. */
export function totalReceipt(receipts: readonly StopReceipt[], durationMs: number): StopReceipt {
  const sum = (key: keyof StopReceipt) => receipts.reduce((all, receipt) => all + receipt[key], 0);
  return {
    initial: sum("initial"),
    left: sum("left"),
    moved: sum("moved"),
    forced: sum("forced"),
    unflushed_bytes: sum("unflushed_bytes"),
    duration_ms: durationMs,
    max_close_rate: sum("max_close_rate"),
  };
}
