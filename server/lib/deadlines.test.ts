import { expect, test } from "bun:test";
import { Deadlines } from "./deadlines.ts";
import { MovedClock } from "./moved-clock.ts";

/** The outcome unchanged. */
const unread = (lateMessage = "too late") => ({
  read: (value: unknown) => value,
  errorOf: (error: unknown) => error,
  makeLateError: () => new Error(lateMessage),
});

test("work that ends in time keeps its outcome", async () => {
  const deadlines = new Deadlines(100, new MovedClock());
  expect(await deadlines.limit(Promise.resolve("done"), unread())).toBe("done");
  await expect(deadlines.limit(Promise.reject(new Error("broken")), unread())).rejects.toThrow("broken");
});

test("the outcome is read, and what cannot be read is an error", async () => {
  const deadlines = new Deadlines(100, new MovedClock());
  const reading = {
    read: (text: string) => JSON.parse(text) as unknown,
    errorOf: (cause: unknown) => new Error("unreadable", { cause }),
    makeLateError: () => new Error("too late"),
  };
  expect(await deadlines.limit(Promise.resolve("[1]"), reading)).toEqual([1]);
  await expect(deadlines.limit(Promise.resolve("[1"), reading)).rejects.toThrow("unreadable");
  await expect(deadlines.limit(Promise.reject(new Error("broken")), reading)).rejects.toThrow("unreadable");
});

test("each wait ends at its own deadline", async () => {
  const clock = new MovedClock();
  const deadlines = new Deadlines(100, clock);
  const ended: string[] = [];
  const wait = (name: string) =>
    deadlines.limit(new Promise(() => undefined), unread(name)).catch((error: Error) => ended.push(error.message));
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
  await deadlines.limit(Promise.resolve(), unread());
  clock.move(250);
  const waiting = deadlines.limit(new Promise(() => undefined), unread());
  clock.move(100);
  await expect(waiting).rejects.toThrow("too late");
});
