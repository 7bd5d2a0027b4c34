import { expect, test } from "bun:test";
import { scheduleStoreConformance } from "../../../tests/conformance/schedule.ts";
import { until } from "../../../tests/waiting.ts";
import { makeSocketPath, removeSocketPath } from "../../lib/link/socket-path.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { Records } from "../memory/records.ts";
import { leaseMs } from "../schedule-store.ts";
import { schedulesUnavailable } from "../unavailable.ts";
import { ScheduleHost } from "./host.ts";
import { IpcScheduleStore } from "./store.ts";

scheduleStoreConformance("IpcScheduleStore", async (limits) => {
  const path = makeSocketPath("fanfare-test");
  const clock = new MovedClock();
  const records = new Records({ limits, clock });
  const host = new ScheduleHost({ path, records, isDurable: false, close: () => records.close() });
  host.start();
  return {
    open: () => new IpcScheduleStore({ path, name: "worker" }),
    isDurable: false,
    passLease: async () => clock.move(leaseMs + 1),
    [Symbol.asyncDispose]: async () => {
      await host.close();
      removeSocketPath(path);
    },
  };
});

test("a worker that is gone loses the lease at once, and the others hear of it", async () => {
  const path = makeSocketPath("fanfare-test");
  const records = new Records({ limits: { maxSchedules: 10, scheduleBytes: 100_000 }, clock: new MovedClock() });
  const host = new ScheduleHost({ path, records, isDurable: true });
  host.start();
  const [one, two] = [new IpcScheduleStore({ path, name: "one" }), new IpcScheduleStore({ path, name: "two" })];
  await one.start({ onDue: () => undefined, onFree: () => undefined });
  const { token = 0 } = await one.lease({ holder: "one", wish: "take" });
  let frees = 0;
  await two.start({
    onDue: () => undefined,
    onFree: () => {
      frees++;
    },
  });
  expect((await two.lease({ holder: "two", wish: "take" })).token).toBeUndefined();
  const before = frees;
  await one.close();
  await until(() => frees > before, "the other one hears of it");
  expect((await two.lease({ holder: "two", wish: "take" })).token).toBeGreaterThan(token);
  expect(two.isDurable).toBe(true);
  await expect(one.read({ by: "id", ids: ["a"] })).rejects.toMatchObject({ code: "broker-unavailable" });
  await two.close();
  await host.close();
  removeSocketPath(path);
});

test("a worker is told once why a change was not stored", async () => {
  const path = makeSocketPath("fanfare-test");
  const persist = () => {
    throw schedulesUnavailable("the disk is full");
  };
  const limits = { maxSchedules: 10, scheduleBytes: 100_000 };
  const records = new Records({ limits, clock: new MovedClock(), persist });
  const host = new ScheduleHost({ path, records, isDurable: true });
  host.start();
  const store = new IpcScheduleStore({ path, name: "one" });
  await store.start({ onDue: () => undefined, onFree: () => undefined });
  const [written] = await Promise.allSettled([
    store.write([{ id: "a", expected: 0, record: { dueAt: null, text: "{}" } }]),
  ]);
  const error = schedulesUnavailable("the disk is full");
  expect(written).toMatchObject({ reason: { code: error.code, message: error.message, retryAfterMs: 1000 } });
  await store.close();
  await host.close();
  removeSocketPath(path);
});
