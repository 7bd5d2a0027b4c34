/**
 * Environment variables that configure the JavaScript engine's garbage collector. The engine reads them once, at start.
 *
 * By default the engine lets garbage grow with the machine's memory: on a machine with many gigabytes, a server whose
 * history is limited to 64 MiB used 300 to 470 MB. With these settings it collects as it would on a small machine: the heap
 * may double while the process has less than 140 MB of resident memory, and grow by a quarter above that (docs/bench.md,
 * "Memory at the bound"). The engine counts its own 60 MB of code as resident memory. Without the two fractions, even a small
 * heap could only grow by a quarter, and a push cost a fifth more CPU time (bench/direct). A value that is already set in the
 * environment wins.
 */
export const engineEnv = {
  BUN_JSC_forceRAMSize: String(128 * 1024 * 1024),
  BUN_JSC_smallHeapRAMFraction: "1.1",
  BUN_JSC_mediumHeapRAMFraction: "1.1",
};
