import { compare } from "./fanout/compare.ts";

/** What more workers bring, next to one process: as much as one of them can bear, and what it costs. See docs/bench.md. */
const usual = ["--bare", "off", "--workers", "0,1,2", "--rate", "4000", "--connections", "500"];

process.exitCode = await compare([...usual, ...process.argv.slice(2)], "workers");
