import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { LocalCalendar } from "../../../tests/schedule/local-calendar.ts";
import { makeSchedule } from "../../../tests/schedule/make-schedule.ts";
import type { Definition, Timing } from "../schedule.ts";
import { jitterOf, NextTimes } from "./next-times.ts";

const times = new NextTimes();
const start = Date.UTC(2026, 0, 1);

function timed(timing: Timing, rules: Partial<Definition> = {}, updatedAt = start) {
  return makeSchedule({ timing, ...rules }, { updatedAt });
}

function iso(list: readonly number[]): string[] {
  return list.map((it) => new Date(it).toISOString());
}

const cron = (expression: string, tz = "UTC"): Timing => ({ kind: "cron", expression, tz });

/** The first times after one. */
function after(timing: Timing, from: string, count: number, rules?: Partial<Definition>): string[] {
  const it = timed(timing, rules);
  return iso(times.list(it, times.after(it, Date.parse(from)) ?? null, count));
}

describe("a schedule that fires once", () => {
  test("fires once, at its time or that long after its creation", () => {
    expect(after({ kind: "at", at: Date.UTC(2026, 5, 1) }, "2026-01-01T00:00Z", 5)).toEqual([
      "2026-06-01T00:00:00.000Z",
    ]);
    expect(after({ kind: "delay", delayMs: 1500 }, "2026-01-01T00:00Z", 5)).toEqual(["2026-01-01T00:00:01.500Z"]);
    expect(times.after(timed({ kind: "at", at: start }), start)).toBeUndefined();
  });
});

describe("an interval", () => {
  const every = { kind: "every", everyMs: 10_000 } as const;

  test("counts from the creation of the schedule", () => {
    expect(after(every, "2026-01-01T00:00Z", 2)).toEqual(["2026-01-01T00:00:10.000Z", "2026-01-01T00:00:20.000Z"]);
    expect(after(every, "2025-01-01T00:00Z", 1)).toEqual(["2026-01-01T00:00:10.000Z"]);
    expect(after(every, "2026-01-01T00:00:19.999Z", 1)).toEqual(["2026-01-01T00:00:20.000Z"]);
  });

  test("counts from `startsAt`, and fires at that time too", () => {
    const startsAt = Date.UTC(2026, 0, 1, 0, 0, 3);
    expect(after(every, "2025-01-01T00:00Z", 2, { startsAt })).toEqual([
      "2026-01-01T00:00:03.000Z",
      "2026-01-01T00:00:13.000Z",
    ]);
  });

  test("has no time after the year 9999", () => {
    const startsAt = Date.UTC(9999, 11, 31, 23, 59, 55);
    expect(after(every, "2026-01-01T00:00Z", 5, { startsAt })).toEqual(["9999-12-31T23:59:55.000Z"]);
  });

  test("can fire at `endsAt`, and not after it", () => {
    const endsAt = Date.UTC(2026, 0, 1, 0, 0, 20);
    expect(after(every, "2026-01-01T00:00Z", 5, { endsAt })).toHaveLength(2);
  });
});

describe("a cron expression", () => {
  test.each([
    ["on leap days only", "0 12 29 2 *", ["2028-02-29T12:00:00.000Z", "2032-02-29T12:00:00.000Z"]],
    ["on the 31st skips shorter months", "0 0 31 * *", ["2026-01-31T00:00:00.000Z", "2026-03-31T00:00:00.000Z"]],
    ["on the last day of the month", "0 0 L * *", ["2026-01-31T00:00:00.000Z", "2026-02-28T00:00:00.000Z"]],
    ["with seconds", "*/30 0 0 1 1 *", ["2026-01-01T00:00:30.000Z", "2027-01-01T00:00:00.000Z"]],
    ["on weekdays by name", "0 9 * * MON-FRI", ["2026-01-01T09:00:00.000Z", "2026-01-02T09:00:00.000Z"]],
  ])("%s", (_, expression, expected) => {
    expect(after(cron(expression), "2026-01-01T00:00:00Z", 2)).toEqual(expected);
  });

  test.each(["0 0 30 2 *", "0 0 31 4,6,9,11 *"])("%s never fires", (expression) => {
    expect(times.after(timed(cron(expression)), start)).toBeUndefined();
  });

  test("fires from `startsAt` to `endsAt`, both included", () => {
    const rules = { startsAt: Date.UTC(2026, 0, 5), endsAt: Date.UTC(2026, 0, 6) };
    expect(after(cron("0 0 * * *"), "2026-01-01T00:00Z", 5, rules)).toEqual([
      "2026-01-05T00:00:00.000Z",
      "2026-01-06T00:00:00.000Z",
    ]);
  });

  test.each([
    ["fires throughout the hour that London repeats", "*/30 * * * *", "Europe/London", "2026-10-25T00:00:00Z", 30, 6],
    ["fires throughout the hour that London skips", "*/30 * * * *", "Europe/London", "2026-03-29T00:00:00Z", 30, 6],
    ["fires throughout the change in Lord Howe", "*/30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z", 30, 6],
  ])("with `*` for the hour %s", (_, expression, tz, from, minutes, count) => {
    const found = after(cron(expression, tz), from, count).map((it) => Date.parse(it));
    expect(found).toEqual(found.map((_, n) => Date.parse(from) + (n + 1) * minutes * 60_000));
  });
});

const calendars = new Map<string, LocalCalendar>();

/** Made once per zone, which takes 0.2 s. It does not depend on the zone of the machine. */
function calendarOf(tz: string): LocalCalendar {
  const calendar = calendars.get(tz) ?? new LocalCalendar(tz, start, Date.UTC(2029, 0, 1));
  calendars.set(tz, calendar);
  return calendar;
}

describe.each(["Asia/Kolkata", "America/St_Johns", "Pacific/Apia"])("on a machine in %s", (machineZone) => {
  const before = process.env.TZ;
  beforeEach(() => {
    process.env.TZ = machineZone;
  });
  afterEach(() => {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  });

  // Times in the hours that are skipped or repeated (Lord Howe: half an hour at 02:00), beside them, and far away.
  test.each([
    ["Australia/Lord_Howe", ["15 2 * * *", "45 1 * * *", "0 2 * * *", "30 2 * * *", "0 1,2 * * *", "15,45 1-3 * * *"]],
    ["Europe/London", ["30 1 * * *", "0 1 * * *", "0 2 * * *", "30 0 * * *", "0 1,2 * * *", "15,45 0-2 * * *"]],
    ["America/New_York", ["30 2 * * *", "30 1 * * *", "0 3 * * *", "0 2 * * *", "0 1,2 * * *", "15,45 1-3 * * *"]],
  ])("1000 runs in %s are those that its calendar has", (tz, expressions) => {
    expect(new Date(start).getTimezoneOffset()).not.toBe(0);
    const calendar = calendarOf(tz);
    for (const expression of expressions) {
      const expected = calendar.runsOf(expression).slice(0, 1000);
      const it = timed(cron(expression, tz));
      expect(expected).toHaveLength(1000);
      expect([expression, iso(times.list(it, times.after(it, start - 1) ?? null, 1000))]).toEqual([
        expression,
        iso(expected),
      ]);
    }
  });
});

describe("the last time before another one", () => {
  test.each([
    [
      "of a rare schedule is found far back",
      cron("0 0 1 1 *"),
      "2025-06-01T00:00Z",
      "2026-05-01T00:00Z",
      "2026-01-01T00:00:00.000Z",
    ],
    [
      "of a frequent one is the latest",
      cron("* * * * * *"),
      "2026-01-01T00:00Z",
      "2026-01-08T00:00Z",
      "2026-01-08T00:00:00.000Z",
    ],
    [
      "may be at the very start",
      cron("0 0 1 1 *"),
      "2026-01-01T00:00Z",
      "2026-01-02T00:00Z",
      "2026-01-01T00:00:00.000Z",
    ],
  ])("%s", (_, timing, from, to, expected) => {
    const found = times.lastBetween(timed(timing), Date.parse(from), Date.parse(to));
    expect(iso([found ?? 0])).toEqual([expected]);
  });

  test("is undefined if there is none between the two times", () => {
    expect(times.lastBetween(timed(cron("0 0 1 1 *")), start + 1, start + 86_400_000)).toBeUndefined();
  });
});

describe("jitter", () => {
  test("depends only on the schedule and the occurrence, and stays within its limit", () => {
    const schedule = makeSchedule({ jitterMs: 1000 });
    const delays = Array.from({ length: 200 }, (_, n) => jitterOf(schedule, start + n * 10_000));
    expect(delays).toEqual(delays.map((_, n) => jitterOf(schedule, start + n * 10_000)));
    expect([Math.min(...delays) >= 0, Math.max(...delays) <= 1000, new Set(delays).size > 100]).toEqual([
      true,
      true,
      true,
    ]);
    expect(jitterOf(makeSchedule({ jitterMs: 0 }), start)).toBe(0);
  });
});
