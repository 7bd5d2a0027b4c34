import { describe, expect, test } from "bun:test";
import { makeDefinition, makeSchedule } from "../../tests/schedule/make-schedule.ts";
import { ScheduleWorld } from "../../tests/schedule/world.ts";
import { plan } from "./plan.ts";
import type { CatchUp, Schedule } from "./schedule.ts";
import { jitterOf, NextTimes } from "./timing/next-times.ts";

const start = Date.UTC(2026, 0, 1);
const idWindowMs = 60_000;
const everySecond = { timing: { kind: "cron", expression: "* * * * * *", tz: "UTC" } } as const;

/** The first `count` seconds after the start. */
function seconds(count: number): number[] {
  return Array.from({ length: count }, (_, at) => start + (at + 1) * 1000);
}

function planAt(schedule: Schedule, now: number) {
  return plan(schedule, { now, times: new NextTimes(), idWindowMs, by: "me", token: 2, isUntried: () => false });
}

describe("an occurrence that is on time is published although the following ones are due too", () => {
  test.each<[CatchUp]>([["skip"], ["last"], ["all"]])(
    "when the server was off for 20 s, with `%s`",
    async (catchUp) => {
      const world = new ScheduleWorld();
      const first = await world.addServer();
      await first.put("a", makeDefinition({ timing: { kind: "every", everyMs: 1000 }, catchUp }));
      await world.move(2000);
      await first.scheduler.close();
      await world.move(20_000, 20_000);
      await world.addServer();
      await world.move(1000);
      expect(world.nominalsOf("a")).toEqual(seconds(23));
    },
  );

  test("when the jitter is longer than the distance of the times", async () => {
    const world = new ScheduleWorld();
    const server = await world.addServer();
    await server.put("a", makeDefinition({ ...everySecond, jitterMs: 60_000, catchUp: "skip" }));
    await world.move(100_000, 500);
    expect(world.nominalsOf("a").slice(0, 40)).toEqual(seconds(40));
  });
});

test("after an outage, the latest occurrence waits for its own jitter", () => {
  const jitterMs = 3000;
  const timing = { kind: "every", everyMs: 1000 } as const;
  const schedule = makeSchedule({ timing, jitterMs, catchUp: "last" }, { next: start });
  const moments = seconds(200).filter((now) => now > start + jitterMs + 30_000);
  const isEarly = (now: number) => {
    const step = planAt(schedule, now);
    return step.step === "fire" && step.firing.nominal + jitterOf(schedule, step.firing.nominal) > now;
  };
  expect([moments.length > 100, moments.filter(isEarly)]).toEqual([true, []]);
});

describe("an occurrence that was interrupted", () => {
  const firing = { nominal: start, by: "other", token: 1, since: start, attempts: 1, remaining: null, failed: 0 };

  test.each([[false], [true]])("is published again although others are due; paused: %s", (isPaused) => {
    const schedule = makeSchedule(everySecond, { next: start, firing, isPaused });
    expect(planAt(schedule, start + 10_000)).toMatchObject({ step: "fire", firing: { nominal: start, attempts: 2 } });
  });

  test.each([
    [0.75, "fire"],
    [0.76, "change"],
  ] as const)("and %f of the time for which ids are remembered ago: %s", (share, step) => {
    const schedule = makeSchedule(everySecond, { next: start, firing });
    expect(planAt(schedule, start + share * idWindowMs)).toMatchObject(
      step === "fire" ? { step } : { step, schedule: { runs: 1, firing: null, last: { result: "unknown" } } },
    );
  });
});
