import { describe, expect, test } from "bun:test";
import type { Rule } from "./rules.ts";
import { testsAreNotEmpty, testsAreReplayed, testsAreRun, testsDoNotSleep } from "./test-rules.ts";

describe("the rules find planted faults:", () => {
  const planted: readonly [string, Rule, string][] = [
    ["a test alone", testsAreRun, 'test.only("it", () => {'],
    ["several alone", testsAreRun, 'describe.only("they", () => {'],
    ["a test that is skipped", testsAreRun, 'test.skip("it", () => {'],
    ["one of a table that is skipped", testsAreRun, 'test.skip.each([1])("it", () => {'],
    ["a concurrent one alone", testsAreRun, 'test.concurrent.only("it", () => {'],
    ["one that is skipped somewhere", testsAreRun, 'test.skipIf(isWindows)("it", () => {'],
    ["one that is run somewhere", testsAreRun, 'test.if(onLinux)("it", () => {'],
    ["one that is to be written", testsAreRun, 'test.todo("it");'],
    ["one that is expected to fail", testsAreRun, 'test.failing("it", () => {'],
    ["an empty test", testsAreNotEmpty, 'test("it", () => {});'],
    ["an empty test that waits for nothing", testsAreNotEmpty, 'test("it", async () => {});'],
    ["an empty test with a table", testsAreNotEmpty, 'test.each([1, 2])("it", (_) => {});'],
    ["a sleep", (it) => testsDoNotSleep(it, {}), "await Bun.sleep(50);"],
    ["a sleep with a timer", (it) => testsDoNotSleep(it, {}), "await new Promise((go) => setTimeout(go, 50));"],
    ["a sleep of Node's", (it) => testsDoNotSleep(it, {}), 'import { setTimeout } from "node:timers/promises";'],
    ["a number that nobody can replay", testsAreReplayed, "const n = Math.random();"],
    ["a property that nobody can replay", testsAreReplayed, 'import fc from "fast-check";'],
  ];

  test.each(planted)("%s", (_, rule, line) => {
    expect(rule(new Map([["server/a.test.ts", line]]))).toHaveLength(1);
    expect(rule(new Map([["tests/e2e/helper.ts", line]]))).toHaveLength(1);
    expect(rule(new Map([["server/a.ts", line]]))).toEqual([]);
  });

  test("a reason to sleep that is no longer needed", () => {
    expect(testsDoNotSleep(new Map(), { "tests/a.ts": "it is load" })).toHaveLength(1);
  });

  test.each([
    'test("it", () => {',
    'test("it", () => { expect(1).toBe(1); });',
    "it.until(1);",
    "describe(name, () => {",
  ])("and leave %s alone", (line) => {
    const sources = new Map([["server/a.test.ts", line]]);
    expect([...testsAreRun(sources), ...testsAreNotEmpty(sources)]).toEqual([]);
  });
});
