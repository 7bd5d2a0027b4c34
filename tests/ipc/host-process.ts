import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import { IpcHost } from "../../server/broker/ipc/host.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";

/** A host in its own process, so that a test can kill it: `host-process.ts PATH`. Its log is in memory and dies with it. */
const [, , path = ""] = process.argv;
await new IpcHost({ path, broker: new EmbeddedBroker(new MemoryLog()) }).start();
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
