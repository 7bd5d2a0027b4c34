/** The real server, but every Redis has the same life: a restart that lost messages looks like no restart at all. */
import { CommandConnection } from "../../../server/lib/redis/command-connection.ts";

Object.defineProperty(CommandConnection.prototype, "life", { get: () => "always-the-same" });

import "./forgets-what-it-saw.ts";

await import("../../../server/main.ts");
