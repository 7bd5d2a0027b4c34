import { afterAll, beforeAll } from "bun:test";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { systemClock } from "../../server/lib/clock.ts";
import { brokerConformance } from "../conformance/broker.ts";
import { RedisServer } from "./redis.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

let worlds = 0;

brokerConformance("RedisBroker", async () => {
  const prefix = `test${++worlds}`;
  return {
    connect: () =>
      new RedisBroker({ address: server.address, prefix, replicas: 0, idWindowMs: 300_000, clock: systemClock }),
    dispose: async () => undefined,
  };
});
