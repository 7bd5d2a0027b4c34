import { expect, test } from "bun:test";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Samples } from "./samples.ts";
import { readStats, registerStatsHandler } from "./stats.ts";

function make() {
  const clock = new MovedClock();
  const metrics: Record<string, number> = { active_connections: 2, publications_total: 100, memory_bytes: 5 };
  const refusals: Record<string, number> = { unauthorized: 3 };
  const sources = { readMetrics: () => ({ ...metrics }), readRefusals: () => ({ ...refusals }) };
  const samples = new Samples(sources, clock);
  samples.start();
  // Off the ten-second grid, as a real process is.
  clock.move(12_000);
  return { clock, metrics, refusals, samples };
}

test("levels are those of the sample, and rates the growth per second since the sample before it", () => {
  const { clock, metrics, samples } = make();
  metrics.active_connections = 7;
  metrics.publications_total = 125;
  clock.move(10_000);
  const { at, figures } = samples.ring.columns();
  expect(at.map((it) => it - (at[0] ?? 0))).toEqual([0, 10]);
  expect(figures.connections).toEqual([2, 7]);
  expect(figures.messages_per_s).toEqual([0, 2.5]);
});

test("a figure whose metrics a process does not have is left out", () => {
  const { samples } = make();
  expect(Object.keys(samples.ring.columns().figures)).toEqual(["connections", "messages_per_s", "memory_bytes"]);
});

test("the times are multiples of ten seconds, so that those of all processes fall together", () => {
  const { clock, samples } = make();
  clock.set(3210);
  clock.move(30_000);
  expect(samples.ring.columns().at.every((it) => it % 10 === 0)).toBe(true);
});

test("one hour is kept, and the answer contains only newer samples", () => {
  const { clock, samples } = make();
  clock.move(2 * 3600 * 1000);
  const { at, figures } = samples.ring.columns();
  expect(at).toHaveLength(360);
  expect(figures.connections).toHaveLength(360);
  expect(samples.ring.columns(at.at(-2)).at).toEqual([at.at(-1) ?? 0]);
  expect(samples.ring.columns(at.at(-1)).at).toEqual([]);
});

test("refusals are counted by their code, for an hour", () => {
  const { clock, refusals, samples } = make();
  refusals.unauthorized = 5;
  refusals["not-found"] = 1;
  clock.move(10_000);
  expect(samples.ring.columns().refusals).toEqual({ unauthorized: 2, "not-found": 1 });
  clock.move(3600 * 1000);
  expect(samples.ring.columns().refusals).toEqual({});
});

test("after the wall clock was set back, the times still grow", () => {
  const { clock, samples } = make();
  clock.move(60_000);
  clock.set(-35_000);
  clock.move(20_000);
  const { at } = samples.ring.columns();
  expect(at).toEqual([...new Set(at)].sort((a, b) => a - b));
  expect(Math.abs((at.at(-1) ?? 0) * 1000 - clock.now())).toBeLessThan(10_000);
});

test.each([
  [0, 10],
  [3, 10],
  [9.8, 10],
  [9.95, 20],
])(
  "a process that starts %d s after a sample of the others takes its first one with theirs, after %d s",
  (startS, firstS) => {
    const clock = new MovedClock();
    const began = clock.now();
    clock.move(startS * 1000);
    const samples = new Samples({ readMetrics: () => ({ memory_bytes: 1 }), readRefusals: () => ({}) }, clock);
    samples.start();
    clock.move((firstS - startS) * 1000 - 1);
    expect(samples.ring.columns().at).toEqual([]);
    clock.move(1);
    expect(samples.ring.columns().at).toEqual([began / 1000 + firstS]);
    clock.move(60_000);
    expect(samples.ring.columns().at).toEqual([0, 1, 2, 3, 4, 5, 6].map((it) => began / 1000 + firstS + it * 10));
  },
);

test("a closed process takes no samples", () => {
  const { clock, samples } = make();
  samples.close();
  samples.close();
  expect(clock.pending).toBe(0);
});

test("the answer names the process", async () => {
  const { clock, samples } = make();
  const peers = new Peers(MemoryCluster.alone(clock), clock);
  registerStatsHandler(peers, samples.ring);
  await peers.start();
  const { interval_s, processes } = await readStats(peers, 0);
  expect(interval_s).toBe(10);
  expect(processes).toEqual([{ id: expect.any(String), name: peers.name, ...samples.ring.columns() }]);
});
