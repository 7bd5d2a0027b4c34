import { expect, test } from "bun:test";
import { makeDefinition } from "../../tests/schedule/make-schedule.ts";
import { ScheduleWorld } from "../../tests/schedule/world.ts";
import { ConfiguredSchedules, type ScheduleSettings } from "./configured-schedules.ts";

const daily = {
  id: "daily",
  definition: makeDefinition({ timing: { kind: "cron", expression: "0 9 * * *", tz: "UTC" } }),
};

async function start(settings: Partial<ScheduleSettings> = {}) {
  const world = new ScheduleWorld();
  const server = await world.addServer();
  const all = { notificationIntervalMs: 10_000, notificationMessage: "tick", schedules: [daily], ...settings };
  const configured = new ConfiguredSchedules(all, { ...server, clock: world.clock });
  configured.start();
  await world.settle();
  const ids = async () => (await server.schedules.list("", "", 10)).map(({ id }) => id);
  return { world, server, configured, ids };
}

test("the schedules of the settings are made at the start, and fire", async () => {
  const { world, ids, configured } = await start();
  expect(await ids()).toEqual(["$notification", "daily"]);
  await world.move(30_000);
  expect(world.stored.map(({ id }) => id.replace(/T.*/, ""))).toEqual(
    Array.from({ length: 3 }, () => "$notification:setting:1:2026-01-01"),
  );
  await configured.close();
});

test("an interval of 0 makes none, and removes the one of an earlier start", async () => {
  const { world, server, ids, configured } = await start();
  await configured.close();
  const settings = { notificationIntervalMs: 0, notificationMessage: "tick", schedules: [daily] };
  const later = new ConfiguredSchedules(settings, { ...server, clock: world.clock });
  later.start();
  await world.settle();
  expect(await ids()).toEqual(["daily"]);
  await later.close();
});

test("they are made again after the store has lost them", async () => {
  const { world, ids, configured } = await start();
  const { records } = world.records.read({ by: "name", prefix: "", after: "", limit: 10 });
  world.records.write(records.map(({ id, version }) => ({ id, expected: version, record: null })));
  expect(await ids()).toEqual([]);
  await world.move(6000);
  expect(await ids()).toEqual(["$notification", "daily"]);
  await configured.close();
});

test("a store that cannot be reached at the start is tried again", async () => {
  const { world, ids, configured } = await start();
  await configured.close();
  world.isStoreAway = true;
  configured.start();
  await world.move(5000);
  world.isStoreAway = false;
  await world.move(10_000);
  expect(await ids()).toEqual(["$notification", "daily"]);
  await configured.close();
});
