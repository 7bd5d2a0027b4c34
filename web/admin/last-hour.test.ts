import { expect, test } from "bun:test";
import { LastHour, type ProcessReport } from "./last-hour.ts";

const process = (
  id: string,
  at: readonly number[],
  connections: readonly number[],
  more: Partial<ProcessReport> = {},
) => ({
  id,
  name: id,
  at,
  figures: { connections },
  refusals: {},
  ...more,
});

function hourOf(...answers: readonly (readonly ProcessReport[])[]): LastHour {
  const hour = new LastHour();
  for (const processes of answers) hour.add({ interval_s: 10, processes, channels: [] });
  return hour;
}

test("the processes are added up at the times that they share", () => {
  const hour = hourOf([process("a", [1000, 1010], [1, 2]), process("b", [1010, 1020], [10, 20])]);
  expect(hour.series("connections", undefined)).toEqual({ at: [1000, 1010], values: [1, 12] });
  expect(hour.series("connections", "b")).toEqual({ at: [1010, 1020], values: [10, 20] });
  expect(hour.series("lagging", undefined)).toEqual({ at: [], values: [] });
});

test("a sum ends where all processes have reported, but does not wait for one that is a minute late", () => {
  const hour = hourOf([process("a", [1000, 1010], [1, 2]), process("b", [1000], [10]), process("new", [], [])]);
  expect(hour.series("connections", undefined)).toEqual({ at: [1000], values: [11] });
  hour.add({ interval_s: 10, processes: [process("a", [1060], [3]), process("b", [], [])], channels: [] });
  expect(hour.series("connections", undefined)).toEqual({ at: [1000, 1010, 1060], values: [11, 2, 3] });
});

test("an answer with newer samples continues the line, and one that overlaps does not repeat any", () => {
  const hour = hourOf([process("a", [1000, 1010], [1, 2])], [process("a", [1010, 1020], [3, 4])]);
  expect(hour.series("connections", "a")).toEqual({ at: [1000, 1010, 1020], values: [1, 3, 4] });
  hour.add({ interval_s: 10, processes: [process("a", [], [])], channels: [] });
  expect(hour.series("connections", "a").values).toEqual([1, 3, 4]);
});

test("a process that ended stays in the charts until its hour is over", () => {
  const hour = hourOf([process("old", [1000], [5])], [process("new", [1010], [7])]);
  expect(hour.series("connections", undefined).values).toEqual([5, 7]);
  hour.add({ interval_s: 10, processes: [process("new", [5000], [8])], channels: [] });
  expect(hour.series("connections", undefined)).toEqual({ at: [5000], values: [8] });
});

test("the next request asks for what is newer, with a margin for slow processes", () => {
  expect(new LastHour().newest).toBe(0);
  expect(hourOf([process("a", [1000], [1]), process("b", [1010], [1])]).newest).toBe(950);
});

test("refusals are added up by code, most frequent first", () => {
  const hour = hourOf([
    process("a", [], [], { refusals: { unauthorized: 2 } }),
    process("b", [], [], { refusals: { unauthorized: 1, "not-found": 9 } }),
  ]);
  expect(hour.refusals(undefined)).toEqual([
    ["not-found", 9],
    ["unauthorized", 3],
  ]);
  expect(hour.refusals("a")).toEqual([["unauthorized", 2]]);
});
