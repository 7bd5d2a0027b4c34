import { writeSync } from "node:fs";

/** Collects after this many allocated bytes, whether they were kept or not. */
const bytesPerCollection = 500_000;

/**
 * Makes the garbage collector of a process a counter: it collects after each half megabyte that was allocated, and at no other
 * time, and logs each collection. A compiler that does not run beside the program compiles the same code at the same time.
 */
export const countingEnv: Readonly<Record<string, string>> = {
  BUN_JSC_logGC: "1",
  BUN_JSC_gcMaxHeapSize: String(bytesPerCollection),
  BUN_JSC_useConcurrentGC: "0",
  BUN_JSC_numberOfGCMarkers: "1",
  BUN_JSC_useConcurrentJIT: "0",
  BUN_GC_TIMER_DISABLE: "1",
};

const mark = "\na part begins or ends\n";

/** Called in the process at the beginning and at the end of the counted work. */
export function markCollections(): void {
  Bun.gc(true);
  writeSync(2, mark);
}

/** How often `markCollections` was called. @param log what the process wrote to its standard error */
export function marksIn(log: string): number {
  return log.split(mark).length - 1;
}

/**
 * The bytes that were allocated between the first two marks, the same within one or two collections. Up to a tenth less than
 * really, because a collection begins a little late.
 * @throws Error if there are too few collections to tell
 */
export function allocatedBytes(log: string): number {
  const [, part = ""] = log.split(mark);
  const collections = part.split("START M").length - 2; // the last one is that of the mark
  if (collections < 20)
    throw new Error(`expected the log of at least 20 collections, got ${collections}: has it a new format?`);
  return collections * bytesPerCollection;
}
