import { expect, test } from "bun:test";
import { LineQueue } from "./line-queue.ts";

test("lines that came at once are handed out one by one, in order", async () => {
  const queue = new LineQueue();
  queue.push("a");
  queue.push("b");
  expect([await queue.next(), await queue.next()]).toEqual(["a", "b"]);
});

test("a question waits for the next line", async () => {
  const queue = new LineQueue();
  const asked = queue.next();
  queue.push("a");
  expect(await asked).toBe("a");
});

test("an end comes behind the last line, whether it was asked for or not", async () => {
  const queue = new LineQueue();
  queue.push("a");
  queue.end();
  expect([await queue.next(), await queue.next(), await queue.next()]).toEqual(["a", undefined, undefined]);
  const waiting = new LineQueue();
  const asked = waiting.next();
  waiting.end();
  expect(await asked).toBeUndefined();
});

test("a cut drops what was not asked for", async () => {
  const queue = new LineQueue();
  queue.push("a");
  queue.cut();
  await queue.isCut;
  expect(await queue.next()).toBeUndefined();
});
