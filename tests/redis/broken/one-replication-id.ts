/** The real server, but every Redis has the same replication id, so a restart that lost messages goes unnoticed. */
import { CommandConnection } from "../../../server/lib/redis/command-connection.ts";

Object.defineProperty(CommandConnection.prototype, "replicationId", { get: () => "always-the-same" });

import "./no-seen-positions.ts";

await import("../../../server/main.ts");
