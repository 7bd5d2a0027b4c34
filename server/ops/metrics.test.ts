import { expect, test } from "bun:test";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { MetricValues } from "./metric-table.ts";
import { Metrics } from "./metrics.ts";

async function make() {
  const clock = new MovedClock();
  const peers = new Peers(MemoryCluster.alone(clock), clock);
  const values: Record<string, number> = { connections_total: 3, active_connections: 2 };
  const ops = { peers, isHealthy: () => true, isDraining: () => false, drain: () => undefined, uptimeS: () => 0 };
  const metrics = new Metrics(ops, (): MetricValues => values);
  await peers.start();
  const shownOf = async (name: string) =>
    Number(new RegExp(`^fanfare_${name} (\\S+)$`, "m").exec(await metrics.text())?.[1]);
  return { values, shownOf };
}

test("scraping does not change a counter", async () => {
  const { values, shownOf } = await make();
  expect(await shownOf("connections_total")).toBe(3);
  expect(await shownOf("connections_total")).toBe(3);
  values.connections_total = 5;
  expect(await shownOf("connections_total")).toBe(5);
});

test("a gauge can decrease", async () => {
  const { values, shownOf } = await make();
  expect(await shownOf("active_connections")).toBe(2);
  values.active_connections = 0;
  expect(await shownOf("active_connections")).toBe(0);
});
