import { expect, test } from "bun:test";
import { Deadlines } from "./deadlines.ts";
import { MovedClock } from "./moved-clock.ts";

const late = () => new Error("too late");

test("work that ends in time keeps its outcome", async () => {
  const deadlines = new Deadlines(100, new MovedClock());
  expect(await deadlines.limit(Promise.resolve("done"), late)).toBe("done");
  await expect(deadlines.limit(Promise.reject(new Error("broken")), late)).rejects.toThrow("broken");
});

test("each wait ends at its own deadline", async () => {
  const clock = new MovedClock();
  const deadlines = new Deadlines(100, clock);
  const ended: string[] = [];
  const wait = (name: string) =>
    deadlines
      .limit(new Promise(() => undefined), () => new Error(name))
      .catch((error: Error) => ended.push(error.message));
  const first = wait("first");
  clock.move(60);
  const second = wait("second");
  clock.move(40);
  await first;
  expect(ended).toEqual(["first"]);
  clock.move(60);
  await second;
  expect(ended).toEqual(["first", "second"]);
});

test("a wait that begins after all others have ended has a deadline too", async () => {
  const clock = new MovedClock();
  const deadlines = new Deadlines(100, clock);
  await deadlines.limit(Promise.resolve(), late);
  clock.move(250);
  const waiting = deadlines.limit(new Promise(() => undefined), late);
  clock.move(100);
  await expect(waiting).rejects.toThrow("too late");
});
