import { expect, test } from "bun:test";
import { type Block, BlockList } from "./block-list.ts";

const hourMs = 3_600_000;

function blockOf(name: string, untilMs: number | undefined): Block {
  return { kind: "user", name, blockedAtMs: 0, untilMs, reason: undefined };
}

test("a block is in force until its end, and one without an end until it is lifted", () => {
  const list = new BlockList();
  list.set(blockOf("a", hourMs));
  list.set(blockOf("b", undefined));
  const namesAt = (nowMs: number) => list.all(nowMs).map(({ name }) => name);
  expect([namesAt(hourMs - 1), namesAt(hourMs)]).toEqual([["a", "b"], ["b"]]);
  expect([list.lift("user", "b"), namesAt(0)]).toEqual([true, ["a"]]);
});

test("a block that is not over is in force again after the wall clock was set forward and back", () => {
  const list = new BlockList();
  list.set(blockOf("a", hourMs));
  const identity = { userId: "a" } as Parameters<BlockList["whyBlocked"]>[0];
  expect([list.all(12 * hourMs), list.whyBlocked(identity, 12 * hourMs)]).toEqual([[], undefined]);
  expect([list.get("user", "a", 0)?.name, list.whyBlocked(identity, 0)]).toEqual([
    "a",
    "this user is blocked by an operator",
  ]);
});

test("blocks that are over take a bounded amount of memory", () => {
  const list = new BlockList();
  for (let number = 0; number < 10_001; number++) list.set(blockOf(`u${number}`, hourMs));
  list.set(blockOf("a", undefined));
  expect(list.all(hourMs).map(({ name }) => name)).toEqual(["a"]);
  expect(list.all(0).map(({ name }) => name)).toEqual(["a"]);
});
