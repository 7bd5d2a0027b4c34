import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import { IpcHost } from "../../server/broker/ipc/host.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";

/** A host in a process of its own, so that there is one to be killed: `host-process.ts PATH`. Its log ends with it. */
const [, , path = ""] = process.argv;
await new IpcHost({ path, broker: new EmbeddedBroker(new MemoryLog()) }).start();
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
