import { describe, expect, test } from "bun:test";
import { RecentLists } from "./recent-lists.ts";

const make = (perKey: number, totalBytes: number) =>
  new RecentLists<string>({ perKey, totalBytes, bytesOf: (item) => item.length });

describe("recent lists", () => {
  test("keep the last items of each key, oldest first", () => {
    const lists = make(2, 100);
    for (const item of ["a", "b", "c"]) lists.add("x", item);
    lists.add("y", "d");
    expect(lists.of("x")).toEqual(["b", "c"]);
    expect(lists.of("y")).toEqual(["d"]);
    expect(lists.of("z")).toEqual([]);
    expect(lists.bytes).toBe(3);
  });

  test("hold as many bytes as are allowed, and one more evicts the key that got nothing for longest", () => {
    const lists = make(10, 6);
    lists.add("x", "aaa");
    lists.add("y", "bb");
    lists.add("x", "c");
    expect([lists.bytes, lists.of("x"), lists.of("y")]).toEqual([6, ["aaa", "c"], ["bb"]]);
    lists.add("z", "d");
    expect([lists.bytes, lists.of("x"), lists.of("y"), lists.of("z")]).toEqual([5, ["aaa", "c"], [], ["d"]]);
  });

  test("do not keep an item that is larger than everything that is allowed", () => {
    const lists = make(10, 4);
    lists.add("x", "aaaaa");
    expect([lists.bytes, lists.of("x")]).toEqual([0, []]);
  });

  test("stay within their limit however long they are used, and keep the newest", () => {
    const lists = make(3, 50);
    for (let n = 0; n < 1000; n++) {
      lists.add(`key ${n % 77}`, "aa");
      if (n % 5 === 0) lists.take(`key ${(n * 7) % 77}`);
      expect(lists.bytes).toBeLessThanOrEqual(50);
    }
    lists.add("last", "aa");
    expect(lists.of("last")).toEqual(["aa"]);
  });

  test("return the items of a key and forget them", () => {
    const lists = make(10, 100);
    lists.add("x", "aa");
    expect(lists.take("x")).toEqual(["aa"]);
    expect([lists.take("x"), lists.bytes]).toEqual([[], 0]);
  });

  test("find an item of any key", () => {
    const lists = make(10, 100);
    lists.add("x", "aa");
    lists.add("y", "bb");
    expect(lists.find((item) => item.startsWith("b"))).toBe("bb");
    expect(lists.find((item) => item.startsWith("c"))).toBeUndefined();
  });
});
