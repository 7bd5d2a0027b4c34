import { expect, test } from "bun:test";
import { machinesOf, type NodeReport, nameWithin, rowsOf, totalOf } from "./figures.ts";

const supervisor: NodeReport = {
  id: "s",
  name: "supervisor",
  status: "healthy",
  cpu_seconds_total: 1,
  memory_bytes: 10,
};

function worker(id: string, more: Record<string, number | string> = {}): NodeReport {
  const figures = { active_connections: 2, slow_connections: 1, publications_total: 10, memory_bytes: 20 };
  return { id, name: `worker ${id}`, status: "healthy", cpu_seconds_total: 4, ...figures, ...more };
}

test("rates are measured between two answers", () => {
  const before = { nodes: [worker("1", { deliveries_total: 5, pumped_total: 1 })], at: 1000 };
  const more = { publications_total: 15, deliveries_total: 25, pumped_total: 11, cpu_seconds_total: 5 };
  const [row] = rowsOf(before, { nodes: [worker("1", more)], at: 3000 });
  expect(row).toMatchObject({ connections: 2, messagesPerS: 2.5, deliveriesPerS: 15, cpu: 0.5 });
});

test("a process that is new, or that was restarted, has no rate yet", () => {
  const before = { nodes: [worker("1", { publications_total: 500 })], at: 0 };
  const rows = rowsOf(before, { nodes: [worker("1"), worker("2")], at: 1000 });
  expect(rows.map(({ messagesPerS }) => messagesPerS)).toEqual([0, 0]);
  expect(rowsOf(undefined, before)[0]?.messagesPerS).toBe(0);
});

test("a process without clients has no traffic, and the total leaves it out", () => {
  const rows = rowsOf(undefined, { nodes: [supervisor, worker("1"), worker("2", { status: "draining" })], at: 0 });
  expect(rows[0]?.connections).toBeUndefined();
  expect(totalOf(rows)).toMatchObject({ connections: 4, slow: 2, memoryBytes: 50, status: "draining" });
});

test("processes are grouped by machine, whose name they do not repeat", () => {
  const names = ["web-10:8000 worker 1", "web-2:8000", "web-10:8000 supervisor"];
  const nodes = names.map((name) => worker(name, { name, node: name.split(" ")[0] ?? "" }));
  const machines = machinesOf(rowsOf(undefined, { nodes, at: 0 }));
  expect(machines.map(({ node, processes }) => [node, processes.map(({ name }) => name)])).toEqual([
    ["web-2:8000", ["server"]],
    ["web-10:8000", ["worker 1", "supervisor"]],
  ]);
  expect(nameWithin({ name: "worker 1" })).toBe("worker 1");
  expect(machinesOf([supervisor, worker("1")])).toEqual([{ node: undefined, processes: [supervisor, worker("1")] }]);
});
