import { afterAll, beforeAll } from "bun:test";
import { systemClock } from "../../server/lib/clock.ts";
import type { RedisAddress } from "../../server/lib/redis/address.ts";
import type { PresenceStore } from "../../server/presence/presence-store.ts";
import { RedisPresence } from "../../server/presence/redis/store.ts";
import { type PresenceUnderTest, presenceConformance } from "../conformance/presence.ts";
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

interface RedisUnderTest {
  readonly address: RedisAddress;
  /** Breaks all connections to it. */
  cut(): Promise<void>;
  lose(): Promise<void>;
}

function makeWith(redis: () => RedisUnderTest) {
  return async (): Promise<PresenceUnderTest> => {
    const prefix = `test${++worlds}`;
    const { address, cut, lose } = redis();
    const stores: PresenceStore[] = [];
    const dead = new Set<PresenceStore>();
    return {
      make: () => {
        // The timers of a dead worker do nothing. Its connections stay open, so nothing but its silence shows that it is dead.
        const isDead = () => dead.has(store);
        const setTimeout: typeof systemClock.setTimeout = (run, ms) =>
          systemClock.setTimeout(() => (isDead() ? undefined : run()), ms);
        const clock = { ...systemClock, setTimeout };
        const store: PresenceStore = new RedisPresence({ address, prefix, expiryMs, clock });
        stores.push(store);
        return store;
      },
      kill: async (store) => {
        dead.add(store);
      },
      cut,
      lose,
      close: async () => {
        for (const store of stores) await store.close();
      },
    };
  };
}

async function cutAll(servers: readonly Pick<RedisServer, "command">[]): Promise<void> {
  for (const type of ["pubsub", "normal"]) {
    await Promise.all(servers.map((it) => it.command("CLIENT", "KILL", "TYPE", type)));
  }
}

presenceConformance({
  name: "the presences in one Redis that is flushed",
  workers: "many",
  make: makeWith(() => ({
    address: server.address,
    cut: () => cutAll([server]),
    lose: async () => void (await server.command("FLUSHALL")),
  })),
});

presenceConformance({
  name: "the presences in one Redis that is restarted empty",
  workers: "many",
  make: makeWith(() => ({
    address: server.address,
    cut: () => cutAll([server]),
    lose: async () => {
      await server.kill();
      await server.run();
    },
  })),
});

presenceConformance({
  name: "the presences in a Redis cluster",
  workers: "many",
  make: makeWith(() => ({
    address: nodes.address,
    cut: () => cutAll(nodes.servers),
    lose: async () => {
      await Promise.all(nodes.servers.map((it) => it.command("FLUSHALL")));
    },
  })),
});
