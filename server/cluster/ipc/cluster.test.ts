import { clusterConformance } from "../../../tests/conformance/cluster.ts";
import { until } from "../../../tests/waiting.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import type { Cluster } from "../cluster.ts";
import { IpcCluster } from "./cluster.ts";
import { ClusterHost } from "./host.ts";

const expiryMs = 400;

clusterConformance("a cluster over Unix sockets", async () => {
  const path = makeSocketPath("fanfare-test");
  const hostClock = new MovedClock();
  const host = new ClusterHost(path, hostClock, expiryMs);
  host.start();
  const members: { readonly cluster: Cluster; readonly clock: MovedClock }[] = [];
  const silent = new Set<Cluster>();
  let rounds = 0;

  /** A claim is answered after everything that its member sent before it, and after everything that the host sent to the member before. */
  const roundTrip = () => {
    const key = `round ${rounds++}`;
    const claims = members.map(({ cluster }) => cluster.claim({ key, holder: key, over: "anybody" }));
    return Promise.allSettled(claims); // A member that has left is refused.
  };
  const settle = async () => {
    await roundTrip(); // The host has received everything.
    await roundTrip(); // All members have received the host's messages about it.
  };
  const idOf = (member: Cluster) => member.members()[0]?.id;

  return {
    make: (state) => {
      const clock = new MovedClock();
      const cluster = new IpcCluster({ path, state, expiryMs, clock });
      members.push({ cluster, clock });
      return cluster;
    },
    silence: async (member) => {
      silent.add(member);
      for (let passed = 0; passed < expiryMs * 2; passed += 50) {
        for (const { cluster, clock } of members) if (cluster !== member) clock.move(50);
        await Promise.allSettled(
          members
            .filter(({ cluster }) => cluster !== member)
            .map(({ cluster }) => cluster.claim({ key: "beat", holder: "beat", over: "anybody" })),
        );
        hostClock.move(50);
      }
    },
    wake: async (member) => {
      const before = idOf(member);
      members.find(({ cluster }) => cluster === member)?.clock.move(expiryMs / 2); // at least one heartbeat
      // It is disconnected, and joins again under another ID.
      const isBack = () => idOf(member) !== before && member.members().length > 1;
      if (silent.delete(member)) await until(isBack, "the member that was given up has joined again");
    },
    settle,
    close: async () => {
      for (const { cluster } of members) await cluster.close();
      await host.close();
      removeSocketPath(path);
    },
  };
});
