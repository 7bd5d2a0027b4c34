import { expect, test } from "bun:test";
import { TestHub } from "../../tests/fakes/hub.ts";
import type { Drain } from "../hub/drain.ts";
import { hubMetrics } from "./read-metrics.ts";

test.each([
  ["closing", { draining: 1, drain_remaining: 2, drain_left_total: 3, drain_deadline_seconds: 2 }],
  ["running", { draining: 0, drain_remaining: 0, drain_left_total: 0, drain_deadline_seconds: 0 }],
] as const)("connections that are still there have not left: %s", async (phase, metrics) => {
  const it = await TestHub.start();
  for (let count = 0; count < 2; count++) await it.connect();
  // At the end, whatever was neither moved nor closed has left.
  const receipt = { left: 5, moved: 0, forced: 0, unflushedBytes: 0, maxCloseRate: 0 };
  const drain: Pick<Drain, "phase" | "receipt" | "closingMs"> = {
    phase,
    receipt: { initial: 5, ...receipt },
    closingMs: 1500,
  };
  expect(hubMetrics(it.hub, drain as Drain)).toMatchObject(metrics);
  await it.close();
});
