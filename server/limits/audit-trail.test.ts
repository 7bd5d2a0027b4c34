import { afterEach, beforeEach, expect, test } from "bun:test";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { AuditTrail } from "./audit-trail.ts";

const logged: LogRecord[] = [];
beforeEach(async () => {
  logged.length = 0;
  await configure({
    reset: true,
    sinks: { kept: (record) => void logged.push(record) },
    loggers: [
      { category: ["fanfare", "audit"], sinks: ["kept"], lowestLevel: "info" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
});
afterEach(() => reset());

const entry = { action: "POST /v1/drain", who: "key 2", from: "203.0.113.7:1", result: "ok" };

test("an entry has its fields, and refusals are warnings", () => {
  const trail = new AuditTrail({ monotonic: () => 0 });
  trail.record(entry);
  trail.record({ ...entry, who: "unknown", result: "401" });
  expect(logged.map(({ level }) => level)).toEqual(["info", "warning"]);
  expect(logged[0]?.properties).toEqual({ ...entry, leftOut: 0 });
});

test("beyond the rate entries are counted, and the next line says how many are missing", () => {
  let now = 0;
  const trail = new AuditTrail({ monotonic: () => now });
  for (let at = 0; at < 130; at++) trail.record(entry);
  expect(logged).toHaveLength(100);
  now += 100;
  trail.record(entry);
  expect(logged.at(-1)?.properties).toMatchObject({ leftOut: 30 });
  expect(logged).toHaveLength(101);
});

test("refusals, with or without a valid key, do not hide what an operator does", () => {
  const trail = new AuditTrail({ monotonic: () => 0 });
  const refusals = [
    { ...entry, who: "unknown", result: "401" },
    { ...entry, who: "user mallory", result: "401" },
    { ...entry, who: "key 1", result: "403" },
  ];
  for (const refusal of refusals) for (let at = 0; at < 1000; at++) trail.record(refusal);
  expect(logged).toHaveLength(200); // one burst for callers without a valid key, with and without a user, and one for keys
  trail.record(entry);
  expect(logged.at(-1)?.properties).toEqual({ ...entry, leftOut: 0 });
});
