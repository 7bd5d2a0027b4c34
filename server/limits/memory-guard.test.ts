import { expect, test } from "bun:test";
import { totalmem } from "node:os";
import { MemoryGuard } from "./memory-guard.ts";
import { machineMemory, memoryLimitOf } from "./memory-limit.ts";

function begin(maxBytes: number) {
  const state = { now: 0, bytes: 0, collections: 0, garbage: 0 };
  const guard = new MemoryGuard({
    maxBytes,
    clock: { monotonic: () => state.now },
    readBytes: () => state.bytes + state.garbage,
    collect: () => {
      state.collections++;
      state.garbage = 0;
    },
  });
  return { guard, state };
}

const overloaded = expect.objectContaining({ code: "overloaded", retryAfterMs: 2000 });

test("work is refused above the limit, and accepted again below 95 % of it", () => {
  const { guard, state } = begin(1000);
  state.bytes = 1000;
  expect(() => guard.check()).not.toThrow();
  state.bytes = 1001;
  state.now += 100;
  expect(() => guard.check()).toThrow(overloaded);
  state.bytes = 951;
  state.now += 100;
  expect(() => guard.check()).toThrow(overloaded);
  state.bytes = 950;
  state.now += 100;
  expect(() => guard.check()).not.toThrow();
});

test("garbage is collected first, at most every five seconds", () => {
  const { guard, state } = begin(1000);
  state.garbage = 2000;
  expect(() => guard.check()).not.toThrow();
  for (let step = 0; step < 50; step++) {
    state.garbage = 2000;
    state.now += 100;
    try {
      guard.check();
    } catch {
      // refused until the next collection
    }
  }
  expect(state.collections).toBe(2);
});

test("the memory is measured ten times per second at most", () => {
  const { guard, state } = begin(1000);
  guard.check();
  state.bytes = 5000;
  expect(() => guard.check()).not.toThrow();
  state.now += 100;
  expect(() => guard.check()).toThrow(overloaded);
});

test.each([
  ["MAX_MEMORY of a single process", { maxMemory: 2e9, workers: undefined, historyBytesTotal: 1e9 }, 2e9],
  ["four fifths of the machine", { maxMemory: 0, workers: undefined, historyBytesTotal: 1e9 }, 8e9],
  [
    "what the history leaves, shared by the workers",
    { maxMemory: 2e9, workers: 2, historyBytesTotal: 4e8 },
    647_571_200,
  ],
  ["never less than a process needs", { maxMemory: 1e8, workers: 4, historyBytesTotal: 1e9 }, 96 * 1024 ** 2],
])("the limit is %s", (_, settings, expected) => {
  expect(memoryLimitOf(settings, 10e9)).toBe(expected);
});

test.each([
  ["max\n", totalmem()],
  ["104857600\n", 104_857_600],
  ["9223372036854771712\n", totalmem()],
])("the memory of a container with memory.max %p", (text, expected) => {
  expect(machineMemory(() => text)).toBe(expected);
});

test("the memory of a machine without cgroups is all it has", () => {
  const missing = () => {
    throw new Error("ENOENT");
  };
  expect(machineMemory(missing)).toBe(totalmem());
});
