import { expect, test } from "bun:test";
import type { MemberState } from "../cluster/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import { Switchboard } from "../cluster/switchboard.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { Samples } from "../ops/samples.ts";
import { type ProcessStats, readStats, registerStatsHandler } from "../ops/stats.ts";
import { WorkerHours } from "./worker-hours.ts";

const minute = 60_000;

function world() {
  const clock = new MovedClock();
  const switchboard = new Switchboard(clock);
  const join = async (name: string, pid: number, more: Partial<MemberState> = {}) => {
    const cluster = new MemoryCluster(switchboard, { name, pid, isDraining: false, ...more }, clock);
    const peers = new Peers(cluster, clock);
    const metrics = { active_connections: pid, publications_total: 0, memory_bytes: 1 };
    const samples = new Samples({ readMetrics: () => metrics, readRefusals: () => ({}) }, clock);
    return { cluster, peers, samples };
  };
  const startWorker = async (name: string, pid: number, more: Partial<MemberState> = {}) => {
    const { cluster, peers, samples } = await join(name, pid, more);
    registerStatsHandler(peers, samples.ring);
    samples.start();
    await peers.start();
    return { ring: samples.ring, drain: () => cluster.announce({ isDraining: true }), end: () => peers.close() };
  };
  const startSupervisor = async (
    node: string | null = null,
    former: ConstructorParameters<typeof WorkerHours>[1] = [],
  ) => {
    const { peers, samples } = await join("supervisor", 1);
    // Each process has a monotonic clock of its own, so the copies and the samples are not made at the same time.
    const own = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic() + 5000,
      setTimeout: (run: () => void, ms: number) => clock.setTimeout(run, ms),
    };
    const hours = new WorkerHours({ peers, node, clock: own }, former);
    registerStatsHandler(peers, samples.ring, hours);
    hours.start();
    await peers.start();
    return { hours, end: () => peers.close(), stats: async (after = 0) => (await readStats(peers, after)).processes };
  };
  const pass = (ms: number) => clock.moveInSteps(ms, 1000);
  return { startSupervisor, startWorker, pass, clock };
}

const endedOf = (processes: readonly ProcessStats[]) => processes.filter(({ ended }) => ended);

test("the last hour of a worker is there after it has ended, under the same id, until the hour is over", async () => {
  const { startSupervisor, startWorker, pass } = world();
  const { stats } = await startSupervisor();
  const worker = await startWorker("worker 1", 11);
  await pass(5 * minute);
  const before = (await stats()).find(({ name }) => name === "worker 1");
  expect(before?.at.length).toBeGreaterThan(25);
  expect(endedOf(await stats())).toEqual([]);
  await worker.end();
  await startWorker("worker 2.1", 12);
  await pass(minute);
  const [ended, ...others] = endedOf(await stats());
  expect(others).toEqual([]);
  expect(ended).toMatchObject({ id: before?.id, name: "worker 1" });
  // Samples after the last copy are lost.
  expect(before?.at.length ?? 0).toBeLessThanOrEqual((ended?.at.length ?? 0) + 1);
  expect(before?.figures.connections).toEqual(expect.arrayContaining([...(ended?.figures.connections ?? [])]));
  expect(endedOf(await stats(ended?.at.at(-2)))[0]?.at).toEqual([ended?.at.at(-1) ?? 0]);
  await pass(61 * minute);
  expect(endedOf(await stats())).toEqual([]);
});

test("nothing is missing from the hour of a worker that drained before it ended", async () => {
  const { startSupervisor, startWorker, pass } = world();
  const { stats } = await startSupervisor();
  const worker = await startWorker("worker 1", 11);
  await pass(minute);
  worker.drain();
  // The sample that was taken last is copied 2 s later.
  for (const newest = worker.ring.newest; worker.ring.newest === newest; ) await pass(1000);
  await pass(2500);
  await worker.end();
  expect(endedOf(await stats())[0]?.at).toEqual(worker.ring.columns().at);
});

test("a worker of another node is copied by the supervisor of that node", async () => {
  const { startSupervisor, startWorker, pass } = world();
  const { stats } = await startSupervisor("here:8000");
  const workers = await Promise.all(["here:8000", "there:8000"].map((node, n) => startWorker(node, n + 10, { node })));
  await pass(minute);
  for (const worker of workers) await worker.end();
  await pass(minute);
  expect(endedOf(await stats()).map(({ name, node }) => [name, node])).toEqual([["here:8000", "here:8000"]]);
});

test("the program that replaces this one continues the copies", async () => {
  const { startSupervisor, startWorker, pass } = world();
  const first = await startSupervisor();
  const workers = [await startWorker("worker 1", 11), await startWorker("worker 2", 12)];
  await pass(minute);
  await workers[0]?.end();
  const dump = JSON.parse(JSON.stringify(first.hours.dump()));
  const before = endedOf(await first.stats());
  first.hours.close();
  await first.end();
  const next = await startSupervisor(null, dump);
  expect(endedOf(await next.stats())).toEqual(before);
  await pass(minute);
  expect((await next.stats()).map(({ name, ended = false }) => [name, ended])).toEqual([
    ["supervisor", false],
    ["worker 1", true],
    ["worker 2", false],
  ]);
});

test("of many workers that crash one after the other, the last hundred are kept", async () => {
  const { startSupervisor, startWorker, pass } = world();
  const { stats } = await startSupervisor();
  for (let n = 1; n <= 102; n++) {
    const worker = await startWorker(`worker ${n}`, 1000 + n);
    await pass(25_000);
    await worker.end();
  }
  await pass(20_000);
  const names = endedOf(await stats()).map(({ name }) => name);
  expect(names).toHaveLength(100);
  expect([names[0], names.at(-1)]).toEqual(["worker 3", "worker 102"]);
});
