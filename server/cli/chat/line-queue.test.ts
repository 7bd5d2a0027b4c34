import { expect, test } from "bun:test";
import { LineQueue } from "./line-queue.ts";

test("lines that arrive together are returned one by one, in order", async () => {
  const queue = new LineQueue();
  queue.push("a");
  queue.push("b");
  expect([await queue.next(), await queue.next()]).toEqual(["a", "b"]);
});

test("next() waits for a line", async () => {
  const queue = new LineQueue();
  const asked = queue.next();
  queue.push("a");
  expect(await asked).toBe("a");
});

test("the end follows the last line, whether or not next() is already waiting", async () => {
  const queue = new LineQueue();
  queue.push("a");
  queue.end();
  expect([await queue.next(), await queue.next(), await queue.next()]).toEqual(["a", undefined, undefined]);
  const waiting = new LineQueue();
  const asked = waiting.next();
  waiting.end();
  expect(await asked).toBeUndefined();
});

test("cut() drops the lines that were not read", async () => {
  const queue = new LineQueue();
  queue.push("a");
  queue.cut();
  await queue.isCut;
  expect(await queue.next()).toBeUndefined();
});
