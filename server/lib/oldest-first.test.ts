import { expect, test } from "bun:test";
import { OldestFirst } from "./oldest-first.ts";

test("keys come in the order in which they were added, also those that are added meanwhile", () => {
  const keys = new Set(["a", "b"]);
  const oldest = new OldestFirst(keys);
  const take = () => {
    const key = oldest.next();
    if (key !== undefined) keys.delete(key);
    return key;
  };
  expect(take()).toBe("a");
  keys.add("c");
  keys.add("a");
  expect([take(), take(), take(), take()]).toEqual(["b", "c", "a", undefined]);
  keys.add("d");
  expect([take(), take()]).toEqual(["d", undefined]);
});

test("a key that is kept comes again after all others, and one that was used again waits for its new turn", () => {
  const keys = new Map([
    ["a", 1],
    ["b", 2],
    ["c", 3],
  ]);
  const oldest = new OldestFirst(keys);
  expect(oldest.next()).toBe("a");
  keys.delete("b");
  keys.set("b", 4);
  expect([oldest.next(), oldest.next(), oldest.next()]).toEqual(["c", "b", "a"]);
});

test("the same iterator is used as long as it has keys: a fresh one would skip over all that were deleted", () => {
  const keys = new Set(Array.from({ length: 1000 }, (_, at) => at));
  let iterators = 0;
  const oldest = new OldestFirst<number>({
    keys: () => {
      iterators++;
      return keys.keys();
    },
  });
  for (let at = 1000; at < 10_000; at++) {
    keys.delete(oldest.next() ?? -1);
    keys.add(at);
  }
  expect([keys.size, iterators]).toEqual([1000, 1]);
});
