import { describe, expect, test } from "bun:test";
import { CronTimes } from "./cron.ts";

const after = Date.UTC(2026, 0, 1);

describe("the next time of a cron expression", () => {
  test.each([
    ["later", 1, after + 1],
    // It would be due again as soon as it has fired, without an end.
    ["the same time", 0, undefined],
    ["earlier", -1, undefined],
    ["absent", undefined, undefined],
  ])("if the library finds one that is %s", (_, distance, expected) => {
    const found = distance === undefined ? null : new Date(after + distance);
    const times = new CronTimes(() => ({ nextRun: () => found }));
    expect(times.next("* * * * *", "UTC", after)).toBe(expected as never);
  });

  test("is after the given time, even if an occurrence is due at that time", () => {
    expect(new CronTimes().next("0 0 * * *", "UTC", after)).toBe(after + 86_400_000);
    expect(new CronTimes().next("0 0 * * *", "UTC", after - 1)).toBe(after);
  });
});

test("an expression is parsed once for all its times, and once for each time zone", () => {
  const parsed: string[] = [];
  const times = new CronTimes((expression, tz) => {
    parsed.push(`${expression} ${tz}`);
    return { nextRun: () => new Date(after + 1) };
  });
  for (const tz of ["UTC", "UTC", "Europe/London"]) times.next("* * * * *", tz, after);
  expect(parsed).toEqual(["* * * * * UTC", "* * * * * Europe/London"]);
});
