import { describe, expect, test } from "bun:test";
import { childEnv } from "../../tests/child-env.ts";
import { maxTimerMs, systemClock } from "./clock.ts";
import { MovedClock } from "./moved-clock.ts";

describe.each([
  ["the machine's clock", systemClock],
  ["the test clock", new MovedClock()],
])("%s", (_, clock) => {
  test("accepts a timer with the maximum delay", () => {
    const timer = clock.setTimeout(() => expect.unreachable(), maxTimerMs);
    timer.cancel();
    expect(timer.cancel()).toBeUndefined();
  });

  test.each([maxTimerMs + 1, Number.POSITIVE_INFINITY, Number.NaN])(
    "rejects a delay of %d ms, which would fire at once",
    (ms) => {
      expect(() => clock.setTimeout(() => expect.unreachable(), ms)).toThrow(RangeError);
    },
  );

  test("rejects a longer sleep too", async () => {
    await expect(clock.sleep(maxTimerMs + 1)).rejects.toThrow(
      "expected a delay of at most 2147483647 ms, got 2147483648",
    );
  });
});

describe("the machine's clock", () => {
  test.each([
    ["a timer does not keep a process alive", "systemClock.setTimeout(() => console.log('ran'), 2 ** 30);", ""],
    ["a sleep does", "const { sleep } = systemClock; sleep(1).then(() => console.log('awake'));", "awake\n"],
  ])("%s", async (_, line, output) => {
    const script = `import { systemClock } from "./clock.ts"; ${line}`;
    const child = Bun.spawn([process.execPath, "--no-env-file", "-e", script], {
      cwd: import.meta.dir,
      env: childEnv(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    expect(await new Response(child.stdout).text()).toBe(output);
    expect(await child.exited).toBe(0);
  });
});

describe("the test clock", () => {
  test("runs due timers in the order of their times, then of their creation", () => {
    const clock = new MovedClock();
    const ran: string[] = [];
    clock.setTimeout(() => ran.push("late"), 11);
    clock.setTimeout(() => ran.push("first"), 10);
    clock.setTimeout(() => ran.push("second"), 10);
    clock.setImmediate(() => ran.push("at once"));
    clock.setTimeout(() => ran.push("cancelled"), 5).cancel();
    clock.move(10);
    expect(ran).toEqual(["at once", "first", "second"]);
    clock.move(1);
    expect(ran).toEqual(["at once", "first", "second", "late"]);
  });

  test("runs a timer that another timer created, at its own time", () => {
    const clock = new MovedClock(0);
    const times: number[] = [];
    const again = () => {
      times.push(clock.monotonic());
      if (times.length < 5) clock.setTimeout(again, 10);
    };
    clock.setTimeout(again, 10);
    clock.move(35);
    expect([times, clock.monotonic()]).toEqual([[10, 20, 30], 35]);
  });

  test("can set its wall clock without moving any timer", () => {
    const clock = new MovedClock(1000);
    let ran = 0;
    clock.setTimeout(() => ran++, 10);
    clock.set(-500);
    expect([clock.now(), clock.monotonic(), ran]).toEqual([500, 1000, 0]);
    clock.set(10_000);
    clock.move(10);
    expect([clock.now(), clock.monotonic(), ran]).toEqual([10_510, 1010, 1]);
  });
});
