/**
 * Environment variables that configure the JavaScript engine's garbage collector. The engine reads them once, at start.
 *
 * By default the engine lets garbage grow with the machine's memory: on a machine with many gigabytes, a server whose
 * history is limited to 64 MiB used 300 to 470 MB. With this setting it collects as it would on a small machine: a heap of
 * up to 32 MB may double, a larger one may grow by half, and one above 64 MB by a quarter (docs/bench.md, "Memory at the
 * bound"). A value that is already set in the environment wins.
 */
export const engineEnv = { BUN_JSC_forceRAMSize: String(128 * 1024 * 1024) };
