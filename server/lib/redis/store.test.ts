import { expect, test } from "bun:test";
import { MovedClock } from "../moved-clock.ts";
import type { MakeConnection } from "./connect.ts";
import { RedisStore } from "./store.ts";

/** A cluster of one primary. Its answers with the slots wait for `answer`, if the test says so. */
class ClusterOfOne {
  reads = 0;
  isHeld = false;
  #answers: (() => void)[] = [];

  answer(): void {
    this.isHeld = false;
    for (const it of this.#answers.splice(0)) it();
  }

  readonly connect = (() => {
    const handlers = new Map<string, () => void>();
    return {
      on: (event: string, handler: () => void) => handlers.set(event, handler),
      connect: async () => handlers.get("ready")?.(),
      disconnect: () => undefined,
      info: async () => "redis_version:7.2.4\r\nrole:master\r\nmaster_replid:life\r\ncluster_enabled:1\r\n",
      time: async () => ["1", "0"],
      cluster: () => {
        this.reads++;
        const { promise, resolve } = Promise.withResolvers<unknown>();
        if (this.isHeld) this.#answers.push(() => resolve([[0, 16_383, ["redis", 7000]]]));
        else resolve([[0, 16_383, ["redis", 7000]]]);
        return promise;
      },
    };
  }) as unknown as MakeConnection;
}

test("the slots of a cluster are read again soon if that is asked for while an older answer is awaited", async () => {
  const clock = new MovedClock();
  const cluster = new ClusterOfOne();
  const address = {
    kind: "cluster" as const,
    hosts: [{ host: "redis", port: 7000 }],
    username: undefined,
    password: undefined,
    db: 0,
    hasTls: false,
    primaryName: undefined,
  };
  const events = { onUp: () => undefined, onDown: () => undefined, onMessage: () => undefined };
  const store = new RedisStore({ address, scripts: [], clock, connect: cluster.connect }, events);
  await store.start();
  await clock.moveInSteps(1000, 100);
  const before = cluster.reads;
  cluster.isHeld = true;
  store.refresh();
  await clock.moveInSteps(100, 100);
  expect(cluster.reads).toBe(before + 1);
  store.refresh();
  cluster.answer();
  await clock.moveInSteps(1000, 100);
  expect(cluster.reads).toBe(before + 2);
  await clock.moveInSteps(10_000, 1000);
  expect(cluster.reads).toBe(before + 2);
  store.close();
});
