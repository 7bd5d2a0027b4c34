import { describe, expect, test } from "bun:test";
import type { Rule } from "./rules.ts";
import { testsAreNotEmpty, testsAreReplayed, testsAreRun, testsDoNotSleep } from "./test-rules.ts";

describe("the rules find planted faults:", () => {
  const planted: readonly [string, Rule, string][] = [
    ["a test with .only", testsAreRun, 'test.only("it", () => {'],
    ["a describe with .only", testsAreRun, 'describe.only("they", () => {'],
    ["a test that is skipped", testsAreRun, 'test.skip("it", () => {'],
    ["a skipped test with a table", testsAreRun, 'test.skip.each([1])("it", () => {'],
    ["a concurrent test with .only", testsAreRun, 'test.concurrent.only("it", () => {'],
    ["a test that is skipped on some machines", testsAreRun, 'test.skipIf(isWindows)("it", () => {'],
    ["a test that runs only on some machines", testsAreRun, 'test.if(onLinux)("it", () => {'],
    ["a test that is not written yet", testsAreRun, 'test.todo("it");'],
    ["a test that is expected to fail", testsAreRun, 'test.failing("it", () => {'],
    ["an empty test", testsAreNotEmpty, 'test("it", () => {});'],
    ["an empty async test", testsAreNotEmpty, 'test("it", async () => {});'],
    ["an empty test with a table", testsAreNotEmpty, 'test.each([1, 2])("it", (_) => {});'],
    ["a sleep", (it) => testsDoNotSleep(it, {}), "await Bun.sleep(50);"],
    ["a sleep with a timer", (it) => testsDoNotSleep(it, {}), "await new Promise((go) => setTimeout(go, 50));"],
    [
      "a sleep with Node's timers",
      (it) => testsDoNotSleep(it, {}),
      'import { setTimeout } from "node:timers/promises";',
    ],
    ["a random number that cannot be replayed", testsAreReplayed, "const n = Math.random();"],
    ["a property test that cannot be replayed", testsAreReplayed, 'import fc from "fast-check";'],
  ];

  test.each(planted)("%s", (_, rule, line) => {
    expect(rule(new Map([["server/a.test.ts", line]]))).toHaveLength(1);
    expect(rule(new Map([["tests/e2e/helper.ts", line]]))).toHaveLength(1);
    expect(rule(new Map([["server/a.ts", line]]))).toEqual([]);
  });

  test("a reason to sleep that is no longer needed", () => {
    expect(testsDoNotSleep(new Map(), { "tests/a.ts": "it makes load" })).toHaveLength(1);
  });

  test.each([
    'test("it", () => {',
    'test("it", () => { expect(1).toBe(1); });',
    "it.until(1);",
    "describe(name, () => {",
  ])("and accept %s", (line) => {
    const sources = new Map([["server/a.test.ts", line]]);
    expect([...testsAreRun(sources), ...testsAreNotEmpty(sources)]).toEqual([]);
  });
});
