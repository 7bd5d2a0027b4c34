import { afterAll, beforeAll } from "bun:test";
import type { Cluster } from "../../server/cluster/cluster.ts";
import { RedisCluster } from "../../server/cluster/redis/cluster.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { type ClusterUnderTest, clusterConformance } from "../conformance/cluster.ts";
import { RedisServer } from "./redis.ts";
import { RedisServerCluster } from "./redis-cluster.ts";

const expiryMs = 600;

let server: RedisServer;
let nodes: RedisServerCluster;
beforeAll(async () => {
  [server, nodes] = await Promise.all([
    RedisServer.start(),
    RedisServerCluster.start({ primaries: 3, replicasEach: 0 }),
  ]);
});
afterAll(() => Promise.all([server.close(), nodes.close()]));

let worlds = 0;

function makeWith(address: () => RedisAddress) {
  return async (): Promise<ClusterUnderTest> => {
    const prefix = `test${++worlds}`;
    const members: { readonly cluster: Cluster; readonly clock: MovedClock | undefined }[] = [];
    return {
      make: (state) => {
        // The first member has a running clock. The others have stopped clocks, which the test moves until they go silent.
        const clock = members.length === 0 ? undefined : new MovedClock();
        const cluster = new RedisCluster({ address: address(), prefix, state, expiryMs, clock: clock ?? systemClock });
        members.push({ cluster, clock });
        return cluster;
      },
      silence: async (member) => {
        const others = members.filter(({ cluster }) => cluster !== member);
        for (let passed = 0; passed < expiryMs * 2.5; passed += 50) {
          for (const { clock } of others) clock?.move(50);
          await Bun.sleep(50);
        }
      },
      wake: async (member) => {
        members.find(({ cluster }) => cluster === member)?.clock?.move(expiryMs / 3);
        await Bun.sleep(150); // Learns that it was removed, and joins again.
      },
      settle: () => Bun.sleep(60),
      close: async () => {
        for (const { cluster } of members) await cluster.close();
      },
    };
  };
}

clusterConformance(
  "a cluster over one Redis",
  makeWith(() => server.address),
);
clusterConformance(
  "a cluster over a Redis cluster",
  makeWith(() => nodes.address),
);
