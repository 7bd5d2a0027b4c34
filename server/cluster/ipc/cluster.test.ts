import { clusterConformance } from "../../../tests/conformance/cluster.ts";
import { systemClock } from "../../lib/clock.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import type { Cluster } from "../cluster.ts";
import { IpcCluster } from "./cluster.ts";
import { ClusterHost } from "./host.ts";

const expiryMs = 400;

clusterConformance("a cluster over Unix sockets", async () => {
  const path = makeSocketPath("fanfare-test");
  const host = new ClusterHost(path, systemClock, expiryMs);
  host.start();
  const members: { readonly cluster: Cluster; readonly clock: MovedClock | undefined }[] = [];
  return {
    make: (state) => {
      // The first one beats by itself; the others have a clock that stands still, and are moved on until they fall silent.
      const clock = members.length === 0 ? undefined : new MovedClock();
      const cluster = new IpcCluster({ path, state, expiryMs, clock: clock ?? systemClock });
      members.push({ cluster, clock });
      return cluster;
    },
    silence: async (member) => {
      const others = members.filter(({ cluster }) => cluster !== member);
      for (let passed = 0; passed < expiryMs * 2; passed += 50) {
        for (const { clock } of others) clock?.move(50);
        await Bun.sleep(50);
      }
    },
    wake: async (member) => {
      members.find(({ cluster }) => cluster === member)?.clock?.move(expiryMs / 3);
      await Bun.sleep(150); // to be cut off, and to come back
    },
    settle: () => Bun.sleep(30),
    close: async () => {
      for (const { cluster } of members) await cluster.close();
      await host.close();
      removeSocketPath(path);
    },
  };
});
