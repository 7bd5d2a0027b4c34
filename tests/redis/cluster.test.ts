import { afterAll, beforeAll } from "bun:test";
import type { Cluster } from "../../server/cluster/cluster.ts";
import { RedisCluster } from "../../server/cluster/redis/cluster.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { type ClusterUnderTest, clusterConformance } from "../conformance/cluster.ts";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";
import { RedisServerCluster } from "./redis-cluster.ts";

/** Longer than this process may have to wait for a processor. */
const expiryMs = 1500;
/** How often the clocks of the members advance. */
const tickMs = 20;

let server: RedisServer;
let nodes: RedisServerCluster;
const shared = new Shared();
beforeAll(async () => {
  [server, nodes] = await Promise.all([
    shared.use(RedisServer.start()),
    shared.use(RedisServerCluster.start({ primaries: 3, replicasEach: 0 })),
  ]);
});
afterAll(() => shared.close());

let worlds = 0;

function makeWith(address: () => RedisAddress) {
  return async (): Promise<ClusterUnderTest> => {
    const prefix = `test${++worlds}`;
    const members: { readonly cluster: Cluster; readonly clock: MovedClock }[] = [];
    const silent = new Set<Cluster>();
    let last = performance.now();
    // Each member has its own clock, which runs like the one on the wall until the member is silenced.
    const ticker = setInterval(() => {
      const passed = performance.now() - last;
      last += passed;
      for (const { cluster, clock } of members) if (!silent.has(cluster)) clock.move(passed);
    }, tickMs);
    const idOf = (member: Cluster) => member.members()[0]?.id;
    return {
      make: (state) => {
        const clock = new MovedClock();
        const cluster = new RedisCluster({ address: address(), prefix, state, expiryMs, clock });
        members.push({ cluster, clock });
        return cluster;
      },
      silence: async (member) => {
        const id = idOf(member);
        silent.add(member);
        const isKnown = ({ cluster }: { cluster: Cluster }) =>
          cluster !== member && cluster.members().some((it) => it.id === id);
        await until(() => !members.some(isKnown), "the others have removed the silent member");
      },
      wake: async (member) => {
        const before = idOf(member);
        if (!silent.delete(member)) return;
        const isBack = () => idOf(member) !== before && member.members().length > 1;
        await until(isBack, "the silent member has joined again");
      },
      settle: () => Bun.sleep(60),
      close: async () => {
        clearInterval(ticker);
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
