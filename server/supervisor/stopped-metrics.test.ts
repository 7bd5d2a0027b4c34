import { expect, test } from "bun:test";
import { StoppedMetrics } from "./stopped-metrics.ts";

test("counters of workers that have stopped are added up, and what they had at a time is not", () => {
  const stopped = new StoppedMetrics();
  const metrics = {
    publications_total: 2,
    active_connections: 5,
    memory_bytes: 1000,
    'write_bytes_bucket{le="128"}': 1,
  };
  stopped.add(metrics);
  stopped.add(metrics);
  expect(stopped.addedTo({ memory_bytes: 10, cpu_seconds_total: 1 })).toEqual({
    memory_bytes: 10,
    cpu_seconds_total: 1,
    publications_total: 4,
    'write_bytes_bucket{le="128"}': 2,
  });
});
