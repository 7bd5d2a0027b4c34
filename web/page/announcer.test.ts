import { expect, test } from "bun:test";
import { Announcer } from "./announcer.ts";

/** The announced texts, and a pause that the test ends. */
function listen() {
  const announced: string[] = [];
  const pauses: (() => void)[] = [];
  const announcer = new Announcer({ say: (it) => announced.push(it), wait: (callback) => pauses.push(callback) });
  return { announcer, announced, endPause: () => pauses.shift()?.(), pauses };
}

test("announces a single message at once", () => {
  const { announcer, announced } = listen();
  announcer.announce("Alice: Hi");
  expect(announced).toEqual(["Alice: Hi"]);
});

test("announces a flood as one sentence per pause", () => {
  const { announcer, announced, endPause } = listen();
  for (let count = 1; count <= 100; count++) announcer.announce(`Alice: ${count}`);
  expect(announced).toEqual(["Alice: 1"]);
  endPause();
  expect(announced).toEqual(["Alice: 1", "99 more messages, the last: Alice: 100"]);
});

test("announces a single message that arrived during the pause in full", () => {
  const { announcer, announced, endPause } = listen();
  announcer.announce("Alice: 1");
  announcer.announce("Alice: 2");
  endPause();
  expect(announced).toEqual(["Alice: 1", "Alice: 2"]);
});

test("announces the next message at once after a pause without any, and leaves no timer running", () => {
  const { announcer, announced, endPause, pauses } = listen();
  announcer.announce("Alice: 1");
  endPause();
  expect(pauses).toEqual([]);
  announcer.announce("Alice: 2");
  expect(announced).toEqual(["Alice: 1", "Alice: 2"]);
});
