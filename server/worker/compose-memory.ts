import { availableParallelism } from "node:os";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../lib/clock.ts";
import { residentBytes } from "../lib/resident-memory.ts";
import { MemoryGuard } from "../limits/memory-guard.ts";
import { machineMemory, memoryLimitOf } from "../limits/memory-limit.ts";

/** Refuses new work of a worker once its part of MAX_MEMORY is used. */
export function composeMemory(
  { maxMemory, workers, historyBytesTotal }: Settings,
  { clock, isSupervised = false }: { readonly clock: Clock; readonly isSupervised?: boolean },
): MemoryGuard {
  const each = typeof workers === "number" ? workers : availableParallelism();
  const count = isSupervised ? each : undefined;
  const maxBytes = memoryLimitOf({ maxMemory, workers: count, historyBytesTotal }, machineMemory());
  return new MemoryGuard({ maxBytes, clock, readBytes: residentBytes, collect: () => Bun.gc(true) });
}
