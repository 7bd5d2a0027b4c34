import { describe, expect, test } from "bun:test";
import { makeDefinition } from "../../tests/schedule/make-schedule.ts";
import { ScheduleWorld, type ServerInWorld } from "../../tests/schedule/world.ts";
import type { Definition } from "./schedule.ts";

const start = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const every = { timing: { kind: "every", everyMs: 1000 } } as const;

async function makeWorld(limits?: { maxSchedules: number; scheduleBytes: number }) {
  const world = new ScheduleWorld(limits);
  return { world, server: await world.addServer() };
}

function put(server: ServerInWorld, definition: Partial<Definition>, isPaused?: boolean) {
  return server.schedules.put({ id: "a", definition: makeDefinition(definition), origin: "api", isPaused });
}

describe("putting a schedule", () => {
  test("creates it, and the same again changes nothing, not even when a delay ends", async () => {
    const { world, server } = await makeWorld();
    const delay = { timing: { kind: "delay", delayMs: 5000 } } as const;
    const first = await put(server, delay);
    expect([first.isNew, first.schedule.revision, first.schedule.next]).toEqual([true, 1, start + 5000]);
    await world.move(2000);
    const second = await put(server, delay);
    expect([second.isNew, second.schedule]).toEqual([false, first.schedule]);
    await world.move(4000);
    expect((await put(server, delay)).schedule.finishedAt).toBe(start + 5000);
    expect(world.nominalsOf("a")).toEqual([start + 5000]);
  });

  test("with another definition replaces it: the revision grows, and its runs are counted from zero", async () => {
    const { world, server } = await makeWorld();
    await put(server, { ...every, maxRuns: 2 });
    await world.move(3000);
    const { schedule, isNew } = await put(server, { ...every, maxRuns: 1 });
    expect([isNew, schedule.revision, schedule.runs, schedule.finishedAt]).toEqual([false, 2, 0, null]);
    await world.move(5000);
    expect(world.nominalsOf("a")).toEqual([1000, 2000, 4000].map((it) => start + it));
  });

  test("by several workers at once makes one schedule", async () => {
    const { world, server } = await makeWorld();
    const others = [server, await world.addServer(), await world.addServer()];
    const all = await Promise.all(others.flatMap((it) => [put(it, every), put(it, every)]));
    expect(all.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(all.map(({ schedule }) => schedule.life)).size).toBe(1);
  });

  test("again after it was deleted gives its publications other ids", async () => {
    const { world, server } = await makeWorld();
    const definition = { timing: { kind: "at", at: start + 1000 } } as const;
    await put(server, definition);
    await world.move(1000);
    await server.schedules.remove("a");
    await put(server, definition);
    await world.move(1000);
    const ids = world.stored.map(({ id }) => id);
    expect([ids.length, new Set(ids).size]).toEqual([2, 2]);
  });

  test.each<[string, Partial<Definition>, string]>([
    ["a time that has passed", { timing: { kind: "at", at: start - 60_001 } }, "at"],
    ["a day that never comes", { timing: { kind: "cron", expression: "0 0 30 2 *", tz: "UTC" } }, "cron"],
    [
      "an expression that never fires, and an end",
      { timing: { kind: "cron", expression: "0 0 30 2 *", tz: "UTC" }, endsAt: start + hourMs },
      "cron",
    ],
    ["an end before the first time", { ...every, endsAt: start + 999 }, "ends_at"],
  ])("with %s is refused", async (_, definition, field) => {
    const { server } = await makeWorld();
    await expect(put(server, definition)).rejects.toMatchObject({ code: "invalid-field", field });
    await expect(server.schedules.get("a")).rejects.toMatchObject({ code: "not-found" });
  });

  test("with a time that has just passed fires at once", async () => {
    const { world, server } = await makeWorld();
    await put(server, { timing: { kind: "at", at: start - 2000 } });
    await world.move(100);
    expect(world.nominalsOf("a")).toEqual([start - 2000]);
  });

  test.each([
    ["MAX_SCHEDULES", { maxSchedules: 3, scheduleBytes: 1_000_000 }],
    ["SCHEDULE_BYTES", { maxSchedules: 1000, scheduleBytes: 3 * 800 }],
  ])("beyond the limit is refused with a message that names %s", async (option, limits) => {
    const { server } = await makeWorld(limits);
    const add = (n: number) => server.put(`s${n}`, every);
    await Promise.all([1, 2, 3].map(add));
    await expect(add(4)).rejects.toMatchObject({
      code: "too-many-schedules",
      message: expect.stringContaining(option),
    });
    await server.schedules.remove("s1");
    await add(4);
  });
});

describe("pausing", () => {
  test("stops an interval; what was due meanwhile is not caught up", async () => {
    const { world, server } = await makeWorld();
    await put(server, every);
    await world.move(1500);
    expect((await server.schedules.pause("a")).isPaused).toBe(true);
    expect((await server.schedules.pause("a")).revision).toBe(1);
    await world.move(3000);
    await server.schedules.resume("a");
    await world.move(1000);
    expect(world.nominalsOf("a")).toEqual([1000, 5000].map((it) => start + it));
  });

  test("delays a schedule that fires once until it is resumed, within its window", async () => {
    for (const [pausedMs, published] of [
      [hourMs / 2, 1],
      [2 * hourMs, 0],
    ] as const) {
      const { world, server } = await makeWorld();
      await put(server, { timing: { kind: "delay", delayMs: 1000 } }, true);
      await world.move(pausedMs, 60_000);
      expect(world.stored).toEqual([]);
      await server.schedules.resume("a");
      await world.move(1000);
      expect(world.stored).toHaveLength(published);
    }
  });

  test("survives a PUT that says nothing about it, and ends with one that does", async () => {
    const { server } = await makeWorld();
    await put(server, every, true);
    expect((await put(server, { ...every, jitterMs: 1 })).schedule.isPaused).toBe(true);
    expect((await put(server, { ...every, jitterMs: 1 }, false)).schedule.isPaused).toBe(false);
  });
});

describe("triggering", () => {
  test("publishes now, even if it is paused, and leaves its times as they are", async () => {
    const { world, server } = await makeWorld();
    await put(server, every, true);
    const { last, runs } = await server.schedules.trigger("a");
    expect([last?.result, last?.nominal, runs, world.stored.length]).toEqual(["published", start, 0, 1]);
    await server.schedules.resume("a");
    await world.move(1000);
    expect(world.stored).toHaveLength(2);
  });

  test("twice with the same key publishes once, and with another key again", async () => {
    const { world, server } = await makeWorld();
    await put(server, every, true);
    for (const key of ["k1", "k1", "k2"]) await server.schedules.trigger("a", key);
    expect(world.stored).toHaveLength(2);
  });

  test("does not take the place of the publication at its time, which has the id that the schedule says", async () => {
    const { world, server } = await makeWorld();
    const publish = JSON.stringify({ channel: "all", message: "hi", id: "mine" });
    await put(server, { publish, timing: { kind: "at", at: start + 1000 } });
    await server.schedules.trigger("a", "k1");
    await world.move(1000);
    expect(world.stored.map(({ id }) => id === "mine")).toEqual([false, true]);
  });

  test("fails with the error of the broker", async () => {
    const { world, server } = await makeWorld();
    await put(server, every, true);
    world.isBrokerAway = true;
    await expect(server.schedules.trigger("a")).rejects.toMatchObject({ code: "broker-unavailable" });
  });
});

describe("schedules of the settings", () => {
  const wanted = (...ids: string[]) => ids.map((id) => ({ id, definition: makeDefinition(every) }));

  test("are created, replaced and removed with the settings, and others stay", async () => {
    const { server } = await makeWorld();
    await server.put("mine", every);
    await server.schedules.reconcile("file", wanted("a", "b"));
    await server.schedules.reconcile("file", wanted("b", "c"));
    const list = await server.schedules.list("", "", 10);
    expect(list.map(({ id, origin, revision }) => [id, origin, revision])).toEqual([
      ["b", "file", 1],
      ["c", "file", 1],
      ["mine", "api", 1],
    ]);
  });

  test.each(["file", "setting"] as const)("of origin %s cannot be replaced or deleted over HTTP", async (origin) => {
    const { server } = await makeWorld();
    await server.schedules.reconcile(origin, wanted("a"));
    await expect(put(server, { ...every, jitterMs: 5 })).rejects.toMatchObject({ code: "forbidden" });
    await expect(server.schedules.remove("a")).rejects.toMatchObject({ code: "forbidden" });
    expect((await server.schedules.pause("a")).isPaused).toBe(true);
  });

  test("that are finished stay, so that they do not fire again at the next start", async () => {
    const { world, server } = await makeWorld();
    const at = makeDefinition({ timing: { kind: "at", at: start + 1000 } });
    const once = [
      { id: "a", definition: at },
      { id: "b", definition: makeDefinition({ ...every, maxRuns: 1 }) },
    ];
    await server.schedules.reconcile("file", once);
    await world.move(2 * hourMs, 60_000);
    await server.schedules.reconcile("file", once);
    await world.move(2 * hourMs, 60_000);
    expect(world.nominalsOf("a")).toEqual([start + 1000]);
    expect(world.nominalsOf("b")).toHaveLength(1);
  });

  test("are missed if any of them is missing, the first one included", async () => {
    const { server } = await makeWorld();
    await server.schedules.reconcile("file", wanted("b", "c"));
    expect(await server.schedules.haveAll(["b", "c"])).toBe(true);
    for (const ids of [
      ["a", "b", "c"],
      ["b", "bb", "c"],
      ["b", "c", "d"],
    ]) {
      expect(await server.schedules.haveAll(ids)).toBe(false);
    }
  });
});

test("an unknown schedule is not found, whatever is asked of it", async () => {
  const { schedules } = (await makeWorld()).server;
  const asks: (() => Promise<unknown>)[] = [
    () => schedules.get("x"),
    () => schedules.remove("x"),
    () => schedules.pause("x"),
    () => schedules.resume("x"),
    () => schedules.trigger("x"),
  ];
  for (const ask of asks) await expect(ask()).rejects.toMatchObject({ code: "not-found" });
});
