import { describe, expect, test } from "bun:test";
import type { Sample } from "./status-snapshot.ts";
import { rowOf, statusOf, statusTable, uptimeText } from "./status-table.ts";

const traffic = { connections: 1, slow: 0, channels: 1, publications: 10, deliveries: 100 };
const before: Sample = {
  id: "w1",
  name: "worker 1",
  at: 1000,
  state: "healthy",
  memoryBytes: 1024 ** 2,
  uptimeS: 1,
  traffic,
};

function later(ms: number, more: Partial<typeof traffic> = {}): Sample {
  return { ...before, at: before.at + ms, traffic: { ...traffic, ...more } };
}

describe("a row", () => {
  test("has the rates per second between two samples", () => {
    const row = rowOf(before, later(2000, { publications: 15, deliveries: 1100 }));
    expect(row).toMatchObject({ messages_per_s: 2.5, deliveries_per_s: 500 });
  });

  test("counts from zero if the process restarted", () => {
    const row = rowOf(before, later(1000, { publications: 4, deliveries: 8 }));
    expect(row).toMatchObject({ messages_per_s: 4, deliveries_per_s: 8 });
  });

  test("has a rate of 0 if no time passed or there is no earlier sample", () => {
    expect(rowOf(before, later(0, { publications: 20 }))).toMatchObject({ messages_per_s: 0 });
    expect(rowOf(undefined, later(1000))).toMatchObject({ messages_per_s: 0, deliveries_per_s: 0 });
  });
});

test("processes are matched by id, in any order", () => {
  const other = { ...before, id: "w2", traffic: { ...traffic, publications: 1000 } };
  const { processes } = statusOf(
    { server: before, users: undefined, processes: [before, other], roll: undefined },
    {
      server: later(1000),
      users: undefined,
      processes: [{ ...other, at: 2000 }, later(1000, { publications: 13 })],
      roll: undefined,
    },
  );
  expect(processes.map((row) => row.messages_per_s)).toEqual([0, 3]);
});

test("columns are as wide as their content", () => {
  const server = rowOf(before, later(1000, { connections: 12_345_678, deliveries: 123_456 }));
  expect(statusTable({ server: { ...server, users: 12 }, processes: [], roll: undefined })).toEqual([
    "state            connections  channels  messages/s  deliveries/s  memory  uptime",
    "healthy  12345678 (12 users)         1           0        123356   1 MiB      1s",
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
