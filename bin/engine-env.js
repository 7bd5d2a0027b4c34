/**
 * How the engine of the server collects garbage, as environment variables; read by it when it starts, and at no other time.
 *
 * The engine lets garbage grow with the memory of the machine: on one with many gigabytes a server whose history is bounded
 * to 64 MiB held 300 to 470 MB. With this it collects as on a small machine: it lets a heap of up to 32 MB double, a larger
 * one grow by half, and one beyond 64 MB by a quarter (docs/bench.md, "Memory at the bound"). A value that is set
 * already stays.
 */
export const engineEnv = { BUN_JSC_forceRAMSize: String(128 * 1024 * 1024) };
