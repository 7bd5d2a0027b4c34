import { describe, expect, test } from "bun:test";
import type { Rule } from "./rules.ts";
import { readSources } from "./sources.ts";
import { testsAreNotEmpty, testsAreReplayed, testsAreRun, testsDoNotSleep } from "./test-rules.ts";

/** Files that sleep, and why that is right. Everybody else waits for an event. */
const sleeping: Readonly<Record<string, string>> = {
  "tests/conformance/wire/living.ts": "notices are gathered for a second, in which nothing is to come",
  "tests/e2e/history-writer.ts": "a publisher pauses between two tries",
  "tests/e2e/launcher.test.ts": "key presses that come together count as one",
  "tests/e2e/server.ts": "two signals of one kind that come together count as one; a log file announces nothing",
  "tests/e2e/slow-readers.test.ts": "messages are published at a given rate, and memory is sampled meanwhile",
  "tests/e2e/workers.test.ts": "a client pauses before it reconnects",
  "tests/faults/close.test.ts": "readers are silent for a given time",
  "tests/faults/fault-run.ts": "clients and publishers run for a given time",
  "tests/faults/kills.test.ts": "servers are killed at given times of a run",
  "tests/faults/publisher.ts": "publishers pause between two messages",
  "tests/faults/rough-line.ts": "a line stalls and crawls",
  "tests/redis/cluster.test.ts": "members and claims expire by the time of the Redis server",
  "tests/faults/stream-client.ts": "a client pauses before it reconnects",
};

const code = await readSources("{bin,protocol,server,client,web,tests,bench,examples,scripts}/**/*.{ts,tsx,js}");

describe("every test", () => {
  test("is run, or says why it is skipped", () => {
    expect(testsAreRun(code)).toEqual([]);
  });

  test("does something", () => {
    expect(testsAreNotEmpty(code)).toEqual([]);
  });

  test("waits for events instead of sleeping", () => {
    expect(testsDoNotSleep(code, sleeping)).toEqual([]);
  });

  test("that is random is replayed by FANFARE_SEED", () => {
    expect(testsAreReplayed(code)).toEqual([]);
  });
});

describe("the rules find what is planted:", () => {
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
