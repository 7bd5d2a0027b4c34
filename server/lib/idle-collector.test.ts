import { expect, test } from "bun:test";
import { IdleCollector } from "./idle-collector.ts";
import { MovedClock } from "./moved-clock.ts";

const mebibyte = 1024 * 1024;

/** A process whose CPU time and memory the test sets. */
function makeProcess() {
  const clock = new MovedClock();
  const measured = { cpu: 0, resident: 50 * mebibyte, afterCollection: 50 * mebibyte, collections: 0 };
  const collector = new IdleCollector(clock, {
    cpuMs: () => measured.cpu,
    residentBytes: () => measured.resident,
    collect: () => {
      measured.collections++;
      measured.resident = measured.afterCollection;
    },
  });
  /** Five seconds in which the process uses this much CPU time, and at whose end it has this much memory. */
  const pass = (cpuMs: number, resident = measured.resident) => {
    measured.cpu += cpuMs;
    measured.resident = resident;
    clock.move(5000);
    return measured.collections;
  };
  return { measured, pass, collector };
}

test("collects once memory has grown and the process is idle again, and not before", () => {
  const { pass } = makeProcess();
  expect(pass(0)).toBe(0);
  expect(pass(3000, 300 * mebibyte)).toBe(0);
  expect(pass(250, 300 * mebibyte)).toBe(0);
  expect(pass(249)).toBe(1);
});

test("collects once for each growth of 32 MiB, however long the process is idle", () => {
  const { pass, measured } = makeProcess();
  measured.afterCollection = 200 * mebibyte;
  pass(0);
  expect(pass(0, 82 * mebibyte - 1)).toBe(0);
  expect(pass(0, 82 * mebibyte)).toBe(1);
  for (let minute = 0; minute < 12; minute++) expect(pass(0)).toBe(1);
  expect(pass(0, 232 * mebibyte)).toBe(2);
});

test("measures growth from the minimum since the last collection", () => {
  const { pass, measured } = makeProcess();
  pass(0, 100 * mebibyte);
  measured.afterCollection = 90 * mebibyte;
  expect(pass(0, 132 * mebibyte)).toBe(1);
  pass(0, 90 * mebibyte);
  pass(0, 60 * mebibyte);
  expect(pass(0, 92 * mebibyte)).toBe(2);
});

test("does nothing after it is closed", () => {
  const { pass, collector } = makeProcess();
  pass(0);
  collector.close();
  collector.close();
  expect(pass(0, 900 * mebibyte)).toBe(0);
});
