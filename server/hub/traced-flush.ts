import type { Clock } from "../lib/clock.ts";
import type { Batch } from "../session/batch.ts";
import type { Tracing } from "../telemetry/tracing.ts";

/** Makes the callback for each flush of a batch. @returns undefined if nothing is traced, so that a flush costs no more */
export function tracedFlush(
  tracing: Pick<Tracing, "delivered"> | undefined,
  clock: Pick<Clock, "now" | "monotonic">,
): ((batch: Batch, connections: number) => void) | undefined {
  if (tracing === undefined) return undefined;
  return ({ items }, connections) => {
    for (const item of items) {
      if (item.kind !== "publication" || item.publication.headers?.traceparent === undefined) continue;
      const endedAt = clock.now();
      const startedAt = endedAt - (clock.monotonic() - item.receivedAt);
      tracing.delivered(item.publication, { connections, startedAt, endedAt });
    }
  };
}
