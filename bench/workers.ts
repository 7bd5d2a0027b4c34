import { compare } from "./fanout/compare.ts";

/** Compares several workers with one process: the maximum throughput of each, and its cost. See docs/bench.md. */
const usual = ["--bare", "off", "--workers", "0,1,2", "--rate", "4000", "--connections", "500"];

process.exitCode = await compare([...usual, ...process.argv.slice(2)], "workers");
