import { expect, test } from "bun:test";
import { Announcer } from "./announcer.ts";

/** What was said, and the pause to end by hand. */
function listen() {
  const said: string[] = [];
  const pauses: (() => void)[] = [];
  const announcer = new Announcer({ say: (it) => said.push(it), wait: (callback) => pauses.push(callback) });
  return { announcer, said, endPause: () => pauses.shift()?.(), pauses };
}

test("one message is said at once", () => {
  const { announcer, said } = listen();
  announcer.announce("Alice: Hi");
  expect(said).toEqual(["Alice: Hi"]);
});

test("a flood becomes one sentence per pause", () => {
  const { announcer, said, endPause } = listen();
  for (let count = 1; count <= 100; count++) announcer.announce(`Alice: ${count}`);
  expect(said).toEqual(["Alice: 1"]);
  endPause();
  expect(said).toEqual(["Alice: 1", "99 more messages, the last: Alice: 100"]);
});

test("a single one that came in the pause is said as it is", () => {
  const { announcer, said, endPause } = listen();
  announcer.announce("Alice: 1");
  announcer.announce("Alice: 2");
  endPause();
  expect(said).toEqual(["Alice: 1", "Alice: 2"]);
});

test("after a pause in which nothing came the next one is said at once, and no timer runs on", () => {
  const { announcer, said, endPause, pauses } = listen();
  announcer.announce("Alice: 1");
  endPause();
  expect(pauses).toEqual([]);
  announcer.announce("Alice: 2");
  expect(said).toEqual(["Alice: 1", "Alice: 2"]);
});
