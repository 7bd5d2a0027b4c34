/**
 * Environment variables that configure the JavaScript engine's garbage collector. The engine reads them once, at start.
 *
 * By default the engine lets garbage grow with the machine's memory: on a machine with many gigabytes, a server whose
 * history is limited to 64 MiB used 300 to 470 MB. With these settings it collects as it would on a small machine: the heap
 * may double while the process has less than 109 MB of resident memory, grow by half up to 140 MB, and by a quarter above that
 * (docs/bench.md, "Memory at the bound"). The engine counts its own 60 MB of code as resident memory. Without the two
 * fractions, even a small heap could only grow by a quarter, and a push cost a fifth more CPU time (bench/direct). With 1.1 for
 * the first one as well, 64 MiB of history took up to 1.9 times as much memory. A value that is already set in the environment
 * wins.
 */
export const engineEnv = {
  BUN_JSC_forceRAMSize: String(128 * 1024 * 1024),
  BUN_JSC_smallHeapRAMFraction: "0.85",
  BUN_JSC_mediumHeapRAMFraction: "1.1",
};
