import { expect, test } from "bun:test";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import type { MetricValues } from "./metric-table.ts";
import { Metrics } from "./metrics.ts";

async function make() {
  const clock = new MovedClock();
  const peers = new Peers(MemoryCluster.alone(clock), clock);
  const values: Record<string, number> = {
    connections_total: 3,
    active_connections: 2,
    'refusals_total{code="forbidden"}': 4,
    'refusals_total{code="too-large"}': 1,
    'write_bytes_bucket{le="128"}': 6,
    'write_bytes_bucket{le="+Inf"}': 7,
    write_bytes_sum: 900,
    write_bytes_count: 7,
  };
  const ops = { peers, isHealthy: () => true, isDraining: () => false, drain: () => undefined, uptimeS: () => 0 };
  const metrics = new Metrics(ops, (): MetricValues => values);
  await peers.start();
  const shownOf = async (name: string) =>
    Number(new RegExp(`^fanfare_${name} (\\S+)$`, "m").exec(await metrics.text())?.[1]);
  return { metrics, values, shownOf };
}

test("scraping does not change a counter", async () => {
  const { values, shownOf } = await make();
  expect(await shownOf("connections_total")).toBe(3);
  expect(await shownOf("connections_total")).toBe(3);
  values.connections_total = 5;
  expect(await shownOf("connections_total")).toBe(5);
});

test("what cannot be added up is that of the process that is furthest", async () => {
  const clock = new MovedClock();
  const board = new Switchboard(clock);
  const make = async (name: string, values: MetricValues) => {
    const peers = new Peers(new MemoryCluster(board, { name, pid: 1, isDraining: false }, clock), clock);
    const ops = { peers, isHealthy: () => true, isDraining: () => false, drain: () => undefined, uptimeS: () => 0 };
    const metrics = new Metrics(ops, () => values);
    await peers.start();
    await clock.moveInSteps(100, 50);
    return metrics;
  };
  const [metrics] = [
    await make("a", { drain_phase: 2, drain_deadline_seconds: 7, draining: 1 }),
    await make("b", { drain_phase: 3, drain_deadline_seconds: 5, draining: 1 }),
  ];
  expect(await metrics.json()).toMatchObject({ drain_phase: 3, drain_deadline_seconds: 7, draining: 2 });
});

test("a gauge can decrease", async () => {
  const { values, shownOf } = await make();
  expect(await shownOf("active_connections")).toBe(2);
  values.active_connections = 0;
  expect(await shownOf("active_connections")).toBe(0);
});

test("metrics with a label have one line per value, histograms one per bucket", async () => {
  const { metrics } = await make();
  const lines = (await metrics.text()).split("\n");
  expect(lines).toContain("# TYPE fanfare_refusals_total counter");
  expect(lines).toContain('fanfare_refusals_total{code="forbidden"} 4');
  expect(lines).toContain('fanfare_refusals_total{code="unauthorized"} 0');
  expect(lines.slice(lines.indexOf("# TYPE fanfare_write_bytes histogram")).slice(1, 13)).toEqual([
    'fanfare_write_bytes_bucket{le="128"} 6',
    ...[256, 512, 1024, 4096, 16384, 65536, 262144, 1048576].map((it) => `fanfare_write_bytes_bucket{le="${it}"} 0`),
    'fanfare_write_bytes_bucket{le="+Inf"} 7',
    "fanfare_write_bytes_sum 900",
    "fanfare_write_bytes_count 7",
  ]);
});

test("JSON has the sum of metrics with a label, and sum and count of histograms", async () => {
  const { metrics } = await make();
  const values = await metrics.json();
  expect(values).toMatchObject({ refusals_total: 5, write_bytes_sum: 900, write_bytes_count: 7 });
  expect(Object.keys(values).filter((name) => !/^[a-z_]+$/.test(name) || name.endsWith("_bucket"))).toEqual([]);
  const { nodes } = await metrics.nodes();
  expect(nodes).toEqual([expect.objectContaining({ refusals_total: 5, write_bytes_count: 7, connections_total: 3 })]);
});
