import { markCollections } from "./collections.ts";

/** The real server, which also counts what it allocates: it marks its log with each SIGWINCH. */
process.on("SIGWINCH", markCollections);
await import("../../server/main.ts");
