import { compare } from "./fanout/compare.ts";

/** Compares the cost of a delivery with a minimal Bun program. docs/bench.md explains the results. */
process.exitCode = await compare(process.argv.slice(2), "fanout");
