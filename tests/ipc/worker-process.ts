import type { ChannelName } from "../../protocol/channel-name.ts";
import { IpcBroker } from "../../server/broker/ipc/client.ts";
import { CheckingReader } from "./checking-reader.ts";

/** A worker in its own process, so that a test can stop it: `worker-process.ts PATH CHANNEL`. Prints how far it has read. */
const [, , path = "", channel = ""] = process.argv;
const broker = new IpcBroker({ path, name: "worker process" });
const reader = new CheckingReader(broker, channel as ChannelName);
let breaks = 0;
reader.onProgress = () => process.send?.({ read: reader.read.length, holes: reader.holes + reader.announced, breaks });
await broker.start({
  onPublication: (publication) => reader.take(publication),
  onBreak: () => {
    breaks++;
    void reader.check();
  },
  onReset: () => {},
  onHealth: () => {},
});
await reader.begin();
process.on("disconnect", () => process.exit(0));
process.send?.("ready");
