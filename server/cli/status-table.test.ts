import { describe, expect, test } from "bun:test";
import type { Sample } from "./status-sample.ts";
import { rowOf, statusTable, uptimeText } from "./status-table.ts";

const before: Sample = {
  at: 1000,
  state: "healthy",
  connections: 1,
  users: 0,
  slow: 0,
  channels: 1,
  memoryBytes: 1024 ** 2,
  uptimeS: 1,
  publications: 10,
  deliveries: 100,
};

describe("a row", () => {
  test("has what happened per second between two samples", () => {
    const row = rowOf(before, { ...before, at: 3000, publications: 15, deliveries: 1100 });
    expect(row).toMatchObject({ messages_per_s: 2.5, deliveries_per_s: 500 });
  });

  test("counts from nothing where the process began anew", () => {
    const row = rowOf(before, { ...before, at: 2000, publications: 4, deliveries: 8 });
    expect(row).toMatchObject({ messages_per_s: 4, deliveries_per_s: 8 });
  });

  test("has no rate where no time passed", () => {
    expect(rowOf(before, { ...before, publications: 20 })).toMatchObject({ messages_per_s: 0 });
  });
});

test("a table has a line per process, in columns", () => {
  const rows = [
    rowOf(before, { ...before, at: 2000 }),
    rowOf(before, { ...before, at: 2000, state: "draining", connections: 12_345, deliveries: 123_456 }),
  ];
  expect(statusTable(rows)).toEqual([
    "state     connections  channels  messages/s  deliveries/s  memory  uptime",
    "healthy             1         1           0             0   1 MiB      1s",
    "draining        12345         1           0        123356   1 MiB      1s",
  ]);
});

test.each([
  [0, "0s"],
  [59, "59s"],
  [60, "1m 0s"],
  [3725, "1h 2m"],
  [86_400 * 3 + 3600 * 4 + 59, "3d 4h"],
])("an uptime of %d s is %j", (seconds, text) => {
  expect(uptimeText(seconds)).toBe(text);
});
