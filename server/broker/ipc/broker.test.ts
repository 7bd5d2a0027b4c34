import { brokerConformance } from "../../../tests/conformance/broker.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import { EmbeddedBroker } from "../embedded/broker.ts";
import { MemoryLog } from "../memory/log.ts";
import { IpcBroker } from "./client.ts";
import { IpcHost } from "./host.ts";

brokerConformance("IpcBroker with a log in memory", async () => {
  const path = makeSocketPath("test");
  const host = new IpcHost({ path, broker: new EmbeddedBroker(new MemoryLog()) });
  await host.start();
  return {
    connect: () => new IpcBroker({ path, name: "worker" }),
    dispose: async () => {
      await host.close();
      removeSocketPath(path);
    },
  };
});
