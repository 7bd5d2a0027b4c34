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
  expect(hour.series("connections")).toEqual({ at: [1000, 1010], values: [1, 12] });
  expect(hour.series("connections", { process: "b" })).toEqual({ at: [1010, 1020], values: [10, 20] });
  expect(hour.series("lagging")).toEqual({ at: [], values: [] });
});

test("a sum ends where all processes have reported, but does not wait for one that is a minute late", () => {
  const hour = hourOf([process("a", [1000, 1010], [1, 2]), process("b", [1000], [10]), process("new", [], [])]);
  expect(hour.series("connections")).toEqual({ at: [1000], values: [11] });
  hour.add({ interval_s: 10, processes: [process("a", [1060], [3]), process("b", [], [])], channels: [] });
  expect(hour.series("connections")).toEqual({ at: [1000, 1010, 1060], values: [11, 2, 3] });
});

test("an answer with newer samples continues the line, and one that overlaps does not repeat any", () => {
  const hour = hourOf([process("a", [1000, 1010], [1, 2])], [process("a", [1010, 1020], [3, 4])]);
  expect(hour.series("connections", { process: "a" })).toEqual({ at: [1000, 1010, 1020], values: [1, 3, 4] });
  hour.add({ interval_s: 10, processes: [process("a", [], [])], channels: [] });
  expect(hour.series("connections", { process: "a" }).values).toEqual([1, 3, 4]);
});

test("a process that has ended counts as long as the server reports it, and does not hold up the others", () => {
  const ended = process("old", [1000, 1010], [5, 6], { ended: true });
  const hour = hourOf([ended, process("new", [1010, 1020], [7, 8])]);
  expect(hour.series("connections")).toEqual({ at: [1000, 1010, 1020], values: [5, 13, 8] });
  hour.add({ interval_s: 10, processes: [process("new", [5000], [9])], channels: [] });
  expect(hour.series("connections")).toEqual({ at: [5000], values: [9] });
});

test("an answer with a process that was not there before lacks its older samples", () => {
  const report = (...processes: readonly ProcessReport[]) => ({ interval_s: 10, processes, channels: [] });
  expect(new LastHour().isPartOf(report(process("a", [1000], [1])))).toBe(false);
  const hour = hourOf([process("a", [1000, 1010], [1, 2])]);
  expect(hour.isPartOf(report(process("a", [1020], [3])))).toBe(false);
  expect(hour.isPartOf(report(process("a", [1020], [3]), process("b", [1020], [3])))).toBe(true);
  hour.add(report(process("a", [1000, 1010, 1020], [1, 2, 3]), process("b", [1010, 1020], [1, 3])));
  expect(hour.series("connections")).toEqual({ at: [1000, 1010, 1020], values: [1, 3, 6] });
});

test("the processes of one machine are added up", () => {
  const hour = hourOf([process("a", [1000], [1], { node: "x" }), process("b", [1000], [2], { node: "y" })]);
  expect(hour.series("connections", { node: "y" }).values).toEqual([2]);
  expect(hour.series("connections").values).toEqual([3]);
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
  expect(hour.refusals()).toEqual([
    ["not-found", 9],
    ["unauthorized", 3],
  ]);
  expect(hour.refusals({ process: "a" })).toEqual([["unauthorized", 2]]);
});
