import { describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { idWindowMs, ScheduleWorld } from "../../tests/schedule/world.ts";
import { turn } from "../../tests/waiting.ts";
import type { CatchUp } from "./schedule.ts";
import { leaseMs } from "./schedule-store.ts";

const start = Date.UTC(2026, 0, 1);
const every = (everyMs: number) => ({ timing: { kind: "every", everyMs } as const });
const at = (ms: number) => ({ timing: { kind: "at", at: start + ms } as const });
const hourMs = 3_600_000;

/** `1000, 2000, …` */
const multiples = (ms: number, count: number) => Array.from({ length: count }, (_, n) => start + (n + 1) * ms);

async function makeWorld(count: number) {
  const world = new ScheduleWorld();
  const servers = [];
  for (let n = 0; n < count; n++) servers.push(await world.addServer());
  const [one, two = one] = servers;
  if (one === undefined || two === undefined) throw new Error("a world has at least one server");
  return { world, servers, one, two };
}

describe("an occurrence is published once", () => {
  test("at its time, however many servers there are", async () => {
    const { world, servers, one } = await makeWorld(4);
    await one.put("a", every(1000));
    await one.put("b", at(2500));
    await world.move(5000);
    expect([world.nominalsOf("a"), world.nominalsOf("b")]).toEqual([multiples(1000, 5), [start + 2500]]);
    expect(world.stored.map(({ id, at }) => at - Date.parse(id.split(":").slice(3).join(":")))).toEqual(
      world.stored.map(() => 0),
    );
    expect(servers.filter(({ scheduler }) => scheduler.isActive)).toHaveLength(1);
  });

  test("even if its server is killed before it is due; another one takes over when the lease expires", async () => {
    const { world, one, two } = await makeWorld(3);
    await two.put("a", at(1000));
    one.kill();
    await world.move(1000 + leaseMs);
    expect(world.nominalsOf("a")).toEqual([start + 1000]);
    expect(world.stored[0]?.at).toBeLessThanOrEqual(start + leaseMs + 200);
  });

  test("even if its server is killed between publishing it and recording that", async () => {
    const { world, one, two } = await makeWorld(2);
    await one.put("a", at(1000));
    world.onStored = () => one.kill();
    await world.move(1000);
    expect(world.nominalsOf("a")).toEqual([start + 1000]);
    await world.move(2 * leaseMs);
    expect([world.nominalsOf("a"), (await two.schedules.get("a")).last?.result]).toEqual([[start + 1000], "published"]);
  });

  test("even if its server was suspended for longer than ids are remembered, between two steps", async () => {
    const { world, one, two } = await makeWorld(2);
    await one.put("a", at(1000));
    await world.move(900);
    one.store.holdFromNextWrite();
    await world.move(100 + 2 * leaseMs, 500);
    expect([world.nominalsOf("a"), two.scheduler.isActive]).toEqual([[start + 1000], true]);
    await world.move(2 * idWindowMs, 5000);
    await one.store.goOn();
    await world.move(2 * leaseMs, 500);
    expect(world.nominalsOf("a")).toEqual([start + 1000]);
    expect([one.scheduler.isActive, two.scheduler.isActive]).toEqual([false, true]);
  });

  test("or given up as unknown, if it was interrupted for longer than ids are remembered", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("a", every(1000));
    await world.move(900);
    one.store.holdFromNextWrite();
    await world.move(100);
    one.kill();
    await world.move(2 * idWindowMs, 5000);
    const late = await world.addServer();
    await world.move(1000);
    const nominals = world.nominalsOf("a");
    expect(nominals).not.toContain(start + 1000);
    expect(new Set(nominals).size).toBe(nominals.length);
    expect((await late.schedules.get("a")).last?.result).toBe("published");
  });

  test("even if the store did not answer when it began, for longer than ids are remembered", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("a", { ...at(1000), catchUpWindowMs: 3 * idWindowMs });
    await world.move(900);
    world.isStoreAway = true;
    await world.move(2 * idWindowMs, 5000);
    expect(world.stored).toEqual([]);
    world.isStoreAway = false;
    await world.move(5000);
    expect(world.nominalsOf("a")).toEqual([start + 1000]);
  });

  test("when 10,000 are due in the same second, and other work runs in between", async () => {
    const { world, one } = await makeWorld(2);
    const ids = Array.from({ length: 10_000 }, (_, n) => `s${n}`);
    await Promise.all(ids.map((id) => one.put(id, at(1000))));
    await world.move(999, 999);
    const steps = [0];
    while (world.stored.length < ids.length) {
      world.clock.move(1);
      await turn();
      steps.push(world.stored.length);
    }
    expect(world.stored.map(({ id }) => id.split(":")[0]).toSorted()).toEqual(ids.toSorted());
    expect(Math.max(...steps.map((stored, n) => stored - (steps[n - 1] ?? 0)))).toBeLessThanOrEqual(200);
  });
});

describe("the lease", () => {
  test("is handed over at once when its holder closes", async () => {
    const { world, one, two } = await makeWorld(2);
    expect([one.scheduler.isActive, two.scheduler.isActive]).toEqual([true, false]);
    await one.scheduler.close();
    await world.settle();
    expect(two.scheduler.isActive).toBe(true);
  });

  test("is released by a server that drains, if another one can take it", async () => {
    const { world, one, two } = await makeWorld(2);
    one.scheduler.handOver();
    await world.settle();
    await world.move(leaseMs, 500);
    expect([one.scheduler.isActive, two.scheduler.isActive]).toEqual([false, true]);
  });

  test("is kept by a server that drains alone, and taken by one that starts later", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("a", every(1000));
    one.scheduler.handOver();
    await world.move(3000);
    expect([one.scheduler.isActive, world.nominalsOf("a")]).toEqual([true, multiples(1000, 3)]);
    const late = await world.addServer();
    await world.move(3000);
    expect([one.scheduler.isActive, late.scheduler.isActive]).toEqual([false, true]);
    expect(world.nominalsOf("a")).toEqual(multiples(1000, 6));
  });

  test("passes on among servers that all drain only when its holder is gone", async () => {
    const { world, one, two } = await makeWorld(2);
    await one.put("a", every(1000));
    one.scheduler.handOver();
    two.scheduler.handOver();
    await world.move(2 * leaseMs, 500);
    const active = [one, two].filter(({ scheduler }) => scheduler.isActive);
    expect(active).toHaveLength(1);
    await active[0]?.scheduler.close();
    await world.move(1000);
    expect([one, two].filter(({ scheduler }) => scheduler.isActive)).toHaveLength(1);
    expect(world.nominalsOf("a")).toEqual(multiples(1000, 13));
  });
});

describe("after an outage", () => {
  const missed = async (catchUp: CatchUp, catchUpWindowMs: number, awayMs: number) => {
    const { world, one } = await makeWorld(1);
    await one.put("a", { ...every(60_000), catchUp, catchUpWindowMs });
    await world.move(60_000, 1000);
    await one.scheduler.close();
    await world.move(awayMs, 60_000);
    await world.addServer();
    await world.move(10_000, 500);
    return world.nominalsOf("a").map((it) => (it - start) / 60_000);
  };

  test.each<[CatchUp, number, number, number[]]>([
    ["skip", 3600, 605, [1, 11]],
    ["skip", 3600, 645, [1]],
    ["last", 3600, 605, [1, 11]],
    ["last", 3600, 645, [1, 11]],
    ["last", 35, 645, [1]],
    ["all", 3600, 645, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ["all", 180, 605, [1, 9, 10, 11]],
    ["all", 35, 645, [1]],
  ])("`%s` within %i s publishes after %i s what it promises", async (catchUp, windowS, awayS, expected) => {
    expect(await missed(catchUp, windowS * 1000, awayS * 1000)).toEqual(expected);
  });

  test.each<[CatchUp, number, string]>([
    ["skip", 20_000, "published"],
    ["skip", 60_000, "missed"],
    ["last", 60_000, "published"],
    ["all", 60_000, "published"],
    ["last", 2 * hourMs, "missed"],
  ])("a schedule that fires once with `%s` is, %i ms later, %s", async (catchUp, awayMs, result) => {
    const { world, one } = await makeWorld(1);
    await one.put("a", { ...at(1000), catchUp });
    await one.scheduler.close();
    await world.move(1000 + awayMs, 60_000);
    const late = await world.addServer();
    await world.move(3000);
    const { last, finishedAt } = await late.schedules.get("a");
    expect([last?.result, finishedAt === null, world.stored.length]).toEqual([
      result as NonNullable<typeof last>["result"],
      false,
      result === "published" ? 1 : 0,
    ]);
  });

  test("of the broker it is retried until it is published, and a long one is given up after the window", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("short", { ...at(1000), catchUpWindowMs: 60_000 });
    await one.put("tight", { ...at(1000), catchUpWindowMs: 0 });
    world.isBrokerAway = true;
    await world.move(40_000, 500);
    world.isBrokerAway = false;
    await world.move(10_000, 500);
    expect(world.stored.map(({ id }) => id.split(":")[0])).toEqual(["short"]);
    const { last } = await one.schedules.get("tight");
    expect(last).toMatchObject({ result: "failed", error: { code: "broker-unavailable" } });
  });
});

describe("when the clock is set", () => {
  test("forward by 12 hours, skipped occurrences count as missed", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("skip", { ...every(hourMs), catchUp: "skip" });
    await one.put("last", { ...every(hourMs), catchUp: "last" });
    await one.put("all", { ...every(hourMs), catchUp: "all", catchUpWindowMs: 3 * hourMs });
    await world.move(1000);
    world.clock.set(12 * hourMs + 60_000);
    await world.move(5000);
    const hours = (id: string) => world.nominalsOf(id).map((it) => (it - start) / hourMs);
    expect([hours("skip"), hours("last"), hours("all")]).toEqual([[], [12], [10, 11, 12]]);
  });

  test("back by 12 hours, no time of the calendar fires twice, and intervals continue", async () => {
    const { world, one } = await makeWorld(2);
    await one.put("cron", { timing: { kind: "cron", expression: "*/10 * * * *", tz: "UTC" } });
    await one.put("every", every(60_000));
    await one.put("once", at(90_000));
    await world.move(21 * 60_000, 1000);
    const before = world.stored.length;
    expect(world.nominalsOf("cron")).toEqual([start + 600_000, start + 1_200_000]);
    world.clock.set(-12 * hourMs);
    await world.move(10 * 60_000, 1000);
    const ids = world.stored.map(({ id }) => id);
    expect([new Set(ids).size, world.nominalsOf("cron").length, world.nominalsOf("once").length]).toEqual([
      ids.length,
      2,
      1,
    ]);
    expect(world.stored.length - before).toBeGreaterThanOrEqual(9);
    expect((await one.schedules.get("every")).revision).toBe(2);
    await world.move(12 * hourMs, 60_000);
    expect(world.nominalsOf("cron").filter((it) => it === start + 1_200_000)).toHaveLength(1);
    expect(world.nominalsOf("cron")).toContain(start + 1_800_000);
  });

  test("while the store fails at once, it is not asked again in the same turn", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("every", every(60_000));
    const { store } = one;
    const read = store.read.bind(store);
    let reads = 0;
    store.read = () => {
      reads++;
      const refused = Promise.reject(new ServiceError("broker-unavailable", "away"));
      // A scheduler that asks again at once would never let this test end.
      return reads > 1000 ? new Promise(() => refused.catch(() => undefined)) : refused;
    };
    world.clock.set(-12 * hourMs);
    await world.move(5000);
    expect(reads).toBeWithin(1, 20);
    store.read = read;
    await world.move(120_000);
    expect(world.nominalsOf("every").length).toBeWithin(1, 3);
  });

  test("by as little as clocks of machines differ, nothing fires twice when the lease changes hands", async () => {
    const { world, one, two } = await makeWorld(2);
    await one.put("a", every(10_000));
    await world.move(10_000);
    world.clock.set(-900);
    await one.scheduler.close();
    await world.move(11_000);
    expect([two.scheduler.isActive, world.nominalsOf("a")]).toEqual([true, multiples(10_000, 2)]);
  });
});

describe("a schedule", () => {
  test("ends after its last run, stays visible for an hour, and is then removed", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("a", { ...every(1000), maxRuns: 3 });
    await world.move(10_000);
    expect(world.nominalsOf("a")).toEqual(multiples(1000, 3));
    expect(await one.schedules.get("a")).toMatchObject({ runs: 3, next: null, finishedAt: start + 3000 });
    await world.move(hourMs, 60_000);
    await expect(one.schedules.get("a")).rejects.toMatchObject({ code: "not-found" });
  });

  test("fires within its jitter after its time, and its id names the time", async () => {
    const { world, one } = await makeWorld(1);
    await one.put("a", { ...every(10_000), jitterMs: 5000 });
    await world.move(60_000, 100);
    expect(world.nominalsOf("a").slice(0, 5)).toEqual(multiples(10_000, 5));
    const delays = world.stored.map(({ at }, n) => at - (start + (n + 1) * 10_000));
    expect(delays.every((it) => it >= 0 && it <= 5100)).toBe(true);
    expect(Math.max(...delays)).toBeGreaterThan(100);
  });

  test("that another program has overwritten is left alone, and does not stop the others", async () => {
    const { world, one } = await makeWorld(1);
    world.records.write([{ id: "x", expected: 0, record: { dueAt: start + 500, text: "not ours" } }]);
    await one.put("a", at(1000));
    await world.move(2000);
    expect(world.nominalsOf("a")).toEqual([start + 1000]);
  });
});
