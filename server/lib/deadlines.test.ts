import { expect, test } from "bun:test";
import { Deadlines } from "./deadlines.ts";
import { MovedClock } from "./moved-clock.ts";

/** The outcome unchanged. */
const asIs = (lateMessage = "too late") => ({
  use: (value: unknown) => value,
  errorOf: (error: unknown) => error,
  makeLateError: () => new Error(lateMessage),
});

test("work that ends in time keeps its outcome", async () => {
  const deadlines = new Deadlines(100, new MovedClock());
  expect(await deadlines.limit(Promise.resolve("done"), asIs(), undefined)).toBe("done");
  await expect(deadlines.limit(Promise.reject(new Error("broken")), asIs(), undefined)).rejects.toThrow("broken");
});

test("the value is used, and only errors of the work are translated", async () => {
  const deadlines = new Deadlines(100, new MovedClock());
  const uses = {
    use: (text: string, more: number) => [...(JSON.parse(text) as number[]), more],
    errorOf: (cause: unknown) => new Error("no text", { cause }),
    makeLateError: () => new Error("too late"),
  };
  expect(await deadlines.limit(Promise.resolve("[1]"), uses, 2)).toEqual([1, 2]);
  await expect(deadlines.limit(Promise.resolve("[1"), uses, 2)).rejects.toThrow("JSON");
  await expect(deadlines.limit(Promise.reject(new Error("broken")), uses, 2)).rejects.toThrow("no text");
});

test("the value of work that was late is not used", async () => {
  const clock = new MovedClock();
  const used: string[] = [];
  const { promise, resolve } = Promise.withResolvers<string>();
  const uses = { ...asIs(), use: (value: string) => used.push(value) };
  const waiting = new Deadlines(100, clock).limit(promise, uses, undefined);
  clock.move(100);
  await expect(waiting).rejects.toThrow("too late");
  resolve("at last");
  await promise;
  await Promise.resolve();
  expect(used).toEqual([]);
});

test("each wait ends at its own deadline", async () => {
  const clock = new MovedClock();
  const deadlines = new Deadlines(100, clock);
  const ended: string[] = [];
  const wait = (name: string) =>
    deadlines
      .limit(new Promise(() => undefined), asIs(name), undefined)
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
  await deadlines.limit(Promise.resolve(), asIs(), undefined);
  clock.move(250);
  const waiting = deadlines.limit(new Promise(() => undefined), asIs(), undefined);
  clock.move(100);
  await expect(waiting).rejects.toThrow("too late");
});
