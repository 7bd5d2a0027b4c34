import { describe, expect, test } from "bun:test";
import { casesOf, summaryOf, withoutExpectation } from "./summary.js";

describe("the summary of a run", () => {
  test("is parsed from the end of the output, also with colours", () => {
    const output =
      "\n 9 pass\n 9 fail\nprinted by a test\n\n\u001b[32m 12 pass\u001b[0m\n 1 skip\n 2 fail\nRan 15 tests across 3 files.\n";
    expect(summaryOf(output)).toEqual({ passed: 12, failed: 2, isComplete: true });
  });

  test("is missing if the runner crashed", () => {
    expect(summaryOf("(pass) one\n")).toEqual({ passed: 0, failed: 0, isComplete: false });
  });
});

const report = `<?xml version="1.0"?>
<testsuites tests="4"><testsuite name="a.test.ts" file="a.test.ts">
  <testcase name="d &gt; &quot;e&quot; &#233;" classname="x &lt;y&gt;" file="a.test.ts" line="2" assertions="3" />
  <testcase name="later (needs Linux)" classname="" file="a.test.ts" line="4" assertions="0">
    <skipped />
  </testcase>
  <testcase name="(unnamed)" classname="long (needs Linux)" file="a.test.ts" line="5" assertions="0">
    <skipped />
  </testcase>
  <testcase name="broken" classname="" file="a.test.ts" line="6" assertions="1">
    <failure type="Error" message="x">Error: x</failure>
  </testcase>
  <testcase name="empty" classname="" file="a.test.ts" line="8" assertions="0" />
</testsuite></testsuites>`;

test("test cases are parsed from the report, with the reason why one is skipped", () => {
  expect(casesOf(report)).toEqual([
    { file: "a.test.ts", line: 2, name: 'd > "e" é', suite: "x <y>", assertions: 3, outcome: "passed" },
    { file: "a.test.ts", line: 4, name: "later (needs Linux)", suite: "", assertions: 0, outcome: "skipped" },
    { file: "a.test.ts", line: 6, name: "broken", suite: "", assertions: 1, outcome: "failed" },
    { file: "a.test.ts", line: 8, name: "empty", suite: "", assertions: 0, outcome: "passed" },
  ]);
});

describe("a test that passed without an expectation is found:", () => {
  const found = (source: string, assertions = 0, line = 1) =>
    withoutExpectation(
      [{ file: "a.test.ts", line, name: "it", suite: "", assertions, outcome: "passed" }],
      () => source,
    ).length;

  test("an empty one", () => {
    expect(found('test("it", () => {});')).toBe(1);
  });

  test("one that only runs something", () => {
    expect(found('test("it", () => {\n  run();\n});\n\ntest("other", () => {\n  expect(1).toBe(1);\n});')).toBe(1);
  });

  test("a concurrent one, by its source, since Bun does not count its expectations", () => {
    expect(found('test.concurrent("it", async () => {\n  run();\n});\n\ntest("other", () => expect(1).toBe(1));')).toBe(
      1,
    );
    expect(found('test.concurrent("it", async () => {\n  expect(await run()).toBe(1);\n});')).toBe(0);
    expect(
      found('  test.concurrent.each([\n    ["a"],\n  ])("it", async () => {\n    expect(1).toBe(1);\n  });', 0, 3),
    ).toBe(0);
  });

  test("a concurrent one with a table, whichever line of its declaration is reported", () => {
    const table = '  test.concurrent.each([\n    ["a"],\n  ])(\n    "it",\n    async () => {\n';
    const end = "    },\n    60_000,\n  );\n\n  test('other', () => expect(1).toBe(1));";
    for (let line = 1; line <= 5; line++) {
      expect(found(`${table}      expect(1).toBe(1);\n${end}`, 0, line)).toBe(0);
      expect(found(`${table}      run();\n${end}`, 0, line)).toBe(1);
    }
  });

  test("but not one that checked something", () => {
    expect(found('test("it", () => {\n  helper();\n});', 1)).toBe(0);
  });
});
