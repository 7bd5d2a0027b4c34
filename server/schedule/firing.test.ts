import { describe, expect, test } from "bun:test";
import { makeSchedule } from "../../tests/schedule/make-schedule.ts";
import { ScheduleWorld } from "../../tests/schedule/world.ts";
import { Firing } from "./firing.ts";
import type { PublishOutcome } from "./occurrence.ts";
import { writeOf } from "./record-text.ts";
import { NextTimes } from "./timing/next-times.ts";

const start = Date.UTC(2026, 0, 1);

/** Fires one schedule with a store that takes so long to answer, and returns what was published. */
async function fireWithSlowStore(answersAfterMs: number, windowMs: number): Promise<readonly string[]> {
  const { clock } = new ScheduleWorld();
  const published: string[] = [];
  const firing = new Firing({
    store: {
      write: (writes) => {
        clock.move(answersAfterMs);
        return Promise.resolve(writes.map(() => ({ outcome: "written", version: 2 }) as const));
      },
    },
    publish: ({ id }) => {
      published.push(id);
      return Promise.resolve({ total: 1, remaining: [], failed: 0, error: null });
    },
    clock,
    times: new NextTimes(),
    idWindowMs: windowMs,
    holder: "me",
    random: () => 0.5,
  });
  const { id, record } = writeOf(makeSchedule({}, { next: start }), 1);
  await firing.fire([{ id, version: 1, dueAt: start, text: record?.text ?? "" }], 1);
  return published;
}

/** A scheduler whose store answers as the test says, and what it published. */
function makeFiring(windowMs: number) {
  const { clock } = new ScheduleWorld();
  const published: string[] = [];
  const written: string[] = [];
  const tokens: (number | undefined)[] = [];
  const answers: ("written" | "fenced" | "no answer")[] = [];
  const outcomes: PublishOutcome[] = [];
  const firing = new Firing({
    store: {
      write: (writes, token) => {
        const outcome = answers.shift() ?? "written";
        tokens.push(token);
        written.push(...writes.map(({ record }) => record?.text ?? ""));
        return outcome === "no answer"
          ? Promise.reject(new Error("the store does not answer"))
          : Promise.resolve(writes.map(() => (outcome === "fenced" ? { outcome } : { outcome, version: 2 })));
      },
    },
    publish: ({ id }) => {
      published.push(id);
      return Promise.resolve(outcomes.shift() ?? { total: 1, remaining: [], failed: 0, error: null });
    },
    clock,
    times: new NextTimes(),
    idWindowMs: windowMs,
    holder: "me",
    random: () => 0.5,
  });
  const fire = (text: string) => firing.fire([{ id: "s1", version: 1, dueAt: start, text }], 1);
  const due = writeOf(makeSchedule({}, { next: start }), 1).record?.text ?? "";
  return { clock, published, written, tokens, answers, outcomes, fire, due };
}

describe("an occurrence whose begin is recorded", () => {
  test("is not published if the lease was lost meanwhile", async () => {
    const { answers, published, fire, due } = makeFiring(4000);
    answers.push("fenced");
    expect([await fire(due), published]).toEqual([false, []]);
  });

  test("and whose targets refused it in different attempts counts all of them", async () => {
    const { outcomes, written, fire, due } = makeFiring(4000);
    outcomes.push(
      { total: 2, remaining: [1], failed: 1, error: null },
      { total: 2, remaining: [], failed: 0, error: null },
    );
    await fire(due);
    await fire(written[1] ?? ""); // waits for the next attempt
    expect(JSON.parse(written.at(-1) ?? "")).toMatchObject({ firing: null, last: { published: 1 } });
  });

  test("and whose lease was lost while it was published is recorded as over", async () => {
    const { answers, tokens, written, fire, due } = makeFiring(4000);
    answers.push("written", "fenced", "written");
    await fire(due);
    expect(tokens).toStrictEqual([1, 1, undefined]);
    expect(JSON.parse(written.at(-1) ?? "")).toMatchObject({ firing: null, runs: 1 });
  });

  test("and that was published is not published again after ids are forgotten", async () => {
    const { clock, published, written, fire, due } = makeFiring(4000);
    await fire(due);
    expect(published).toHaveLength(1);
    clock.move(3_600_000);
    await fire(written[0] ?? ""); // as if the result had not been recorded
    expect(published).toHaveLength(1);
  });

  test("and that was not tried, because the store did not answer, is published however late that is", async () => {
    const { clock, answers, published, written, fire, due } = makeFiring(4000);
    answers.push("no answer");
    await expect(fire(due)).rejects.toThrow();
    clock.move(3_600_000);
    await fire(written[0] ?? "");
    expect(published).toHaveLength(1);
  });
});

describe("a process that was suspended after it stored that an occurrence begins", () => {
  test.each([
    [5000, 300_000, 1],
    [5001, 300_000, 0],
    [1000, 4000, 1],
    [1001, 4000, 0],
  ])("for %i ms, while ids are remembered for %i ms, publishes %i times", async (ms, windowMs, times) => {
    expect(await fireWithSlowStore(ms, windowMs)).toHaveLength(times);
  });
});
