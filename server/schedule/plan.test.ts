import { describe, expect, test } from "bun:test";
import { makeDefinition } from "../../tests/schedule/make-schedule.ts";
import { ScheduleWorld } from "../../tests/schedule/world.ts";
import type { CatchUp } from "./schedule.ts";

const start = Date.UTC(2026, 0, 1);

/** The first `count` seconds after the start. */
function seconds(count: number): number[] {
  return Array.from({ length: count }, (_, at) => start + (at + 1) * 1000);
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
    const timing = { kind: "cron", expression: "* * * * * *", tz: "UTC" } as const;
    await server.put("a", makeDefinition({ timing, jitterMs: 60_000, catchUp: "skip" }));
    await world.move(100_000, 500);
    expect(world.nominalsOf("a").slice(0, 40)).toEqual(seconds(40));
  });
});
