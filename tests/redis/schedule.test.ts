import { afterAll, beforeAll } from "bun:test";
import { systemClock } from "../../server/lib/clock.ts";
import type { RedisAddress } from "../../server/lib/redis/address.ts";
import { RedisScheduleStore } from "../../server/schedule/redis/store.ts";
import type { StoreLimits } from "../../server/schedule/schedule-store.ts";
import { type ScheduleStoresUnderTest, scheduleStoreConformance } from "../conformance/schedule.ts";
import { Shared } from "../shared.ts";
import { until } from "../waiting.ts";
import { RedisServer } from "./redis.ts";
import { RedisServerCluster } from "./redis-cluster.ts";

/** Short, so that a test can wait for its end, and longer than a busy machine takes for a few commands. */
const leaseMs = 1500;

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
  return async (limits: StoreLimits): Promise<ScheduleStoresUnderTest> => {
    const prefix = `test${++worlds}`;
    return {
      open: () => new RedisScheduleStore({ address: address(), prefix, limits, clock: systemClock, leaseMs }),
      isDurable: true,
      passLease: () => {
        const passedAt = performance.now() + leaseMs + 50;
        return until(() => performance.now() > passedAt, "the lease has expired");
      },
      [Symbol.asyncDispose]: async () => undefined,
    };
  };
}

scheduleStoreConformance(
  "RedisScheduleStore on one Redis",
  makeWith(() => server.address),
);
scheduleStoreConformance(
  "RedisScheduleStore on a Redis cluster",
  makeWith(() => nodes.address),
);
