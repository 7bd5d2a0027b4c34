import { expect, test } from "bun:test";
import { scheduleStoreConformance } from "../../../tests/conformance/schedule.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { leaseMs, type StoreLimits } from "../schedule-store.ts";
import { Records } from "./records.ts";
import { MemoryScheduleStore } from "./store.ts";

scheduleStoreConformance("MemoryScheduleStore", async (limits) => {
  const clock = new MovedClock();
  const records = new Records({ limits, clock });
  return {
    open: () => new MemoryScheduleStore(records),
    isDurable: false,
    passLease: async () => clock.move(leaseMs + 1),
    [Symbol.asyncDispose]: async () => records.close(),
  };
});

const limits: StoreLimits = { maxSchedules: 100, scheduleBytes: 1_000_000 };
const record = (text: string, dueAt: number | null = null) => ({ dueAt, text });

test("a write that cannot be persisted is undone, in all its parts", async () => {
  let isFull = false;
  const persist = () => {
    if (isFull) throw new Error("the disk is full");
  };
  const records = new Records({ limits, clock: new MovedClock(), persist });
  const [first] = records.write([{ id: "a", expected: 0, record: record("1", 1000) }]);
  if (first?.outcome !== "written") throw new Error("it was not written");
  isFull = true;
  const writes = [
    { id: "a", expected: first.version, record: null },
    { id: "b", expected: 0, record: record("2", 500) },
  ];
  expect(() => records.write(writes)).toThrow("the disk is full");
  const page = records.read({ by: "due", until: 2000, limit: 10 });
  expect([page.records.map(({ id, text }) => [id, text]), page.nextDueAt]).toEqual([[["a", "1"]], null]);
  expect(records.read({ by: "name", prefix: "", after: "", limit: 10 }).records).toHaveLength(1);
});

test("another process can take over the records of this one, and versions and tokens continue from there", async () => {
  const clock = new MovedClock();
  const before = new Records({ limits, clock });
  before.write([{ id: "a", expected: 0, record: record("1", 1000) }]);
  const { token = 0 } = before.lease.request({ holder: "x", wish: "take" });
  const after = new Records({ limits, clock });
  after.load(JSON.parse(JSON.stringify(before.dump())));
  expect(after.read({ by: "due", until: 1000, limit: 1 })).toEqual(before.read({ by: "due", until: 1000, limit: 1 }));
  const [outcome] = after.write([{ id: "b", expected: 0, record: record("2") }]);
  expect(outcome).toEqual({ outcome: "written", version: 2 });
  expect(after.lease.request({ holder: "y", wish: "take" }).token).toBeGreaterThan(token);
});

test("due times that change all the time do not pile up", () => {
  const records = new Records({ limits, clock: new MovedClock() });
  let version = 0;
  for (let n = 0; n < 50_000; n++) {
    const [outcome] = records.write([{ id: "a", expected: version, record: record("1", n) }]);
    if (outcome?.outcome === "written") version = outcome.version;
  }
  const { records: due, nextDueAt } = records.read({ by: "due", until: 60_000, limit: 10 });
  expect([due.map(({ dueAt }) => dueAt), nextDueAt]).toEqual([[49_999], null]);
});
