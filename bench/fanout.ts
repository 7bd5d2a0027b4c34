import { compare } from "./fanout/compare.ts";

/** What a delivery costs the server, next to the least that a Bun program could do. docs/bench.md says how to read it. */
process.exitCode = await compare(process.argv.slice(2), "fanout");
