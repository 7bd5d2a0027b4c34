import { expect, test } from "bun:test";
import { parsePage } from "./page.ts";
import { isAsExpected, parseTranscript } from "./page-run.ts";

const fence = "```";

test("the words after a fence determine what a block is", () => {
  const text = ["sh", "sh no-run: needs Docker", "console", "ts run", "js", ""].map(
    (info) => `${fence}${info}\nx\n${fence}`,
  );
  expect(parsePage("a.md", text.join("\n")).blocks.map(({ kind, line }) => [line, kind.name])).toEqual([
    [1, "runs"],
    [4, "not run"],
    [7, "transcript"],
    [10, "program"],
    [13, "text"],
    [16, "text"],
  ]);
});

test.each(["sh no-run", "sh no-run: no", "bash", "shell", "sh runs"])("commands marked %p are refused", (info) => {
  expect(() => parsePage("a.md", `${fence}${info}\nls\n${fence}`)).toThrow("a.md:1");
});

test("an unclosed block is an error", () => {
  expect(() => parsePage("a.md", `${fence}sh\nls`)).toThrow("never closed");
});

test("a block in a list loses its indentation", () => {
  expect(parsePage("a.md", `1. so:\n   ${fence}sh\n   ls\n     -l\n   ${fence}`).blocks[0]?.code).toBe("ls\n  -l");
});

test("links are relative to their page; links to other sites and in code are ignored", () => {
  const text = "[a](b.md#c) [d](../e.md) [f](#g) [h](https://example.com) `[i](j.md)`";
  expect(parsePage("docs/a.md", text).links.map(({ path, anchor }) => `${path}#${anchor}`)).toEqual([
    "docs/b.md#c",
    "e.md#",
    "docs/a.md#g",
  ]);
});

test.each([
  ["## Who may do what", "who-may-do-what"],
  ["# A push gateway: HTTP in, one user out", "a-push-gateway-http-in-one-user-out"],
  ["### `DATA_DIR`, and more", "data_dir-and-more"],
])("the heading %p has the anchor %p", (heading, anchor) => {
  expect([...parsePage("a.md", heading).anchors]).toEqual([anchor]);
});

test("a transcript has commands, continued after a backslash, and the output of each", () => {
  expect(parseTranscript("$ echo a \\\n  b\na b\n$ true")).toEqual([
    { command: "echo a \\\n  b", expected: "a b\n" },
    { command: "true", expected: "" },
  ]);
  expect(() => parseTranscript("a b")).toThrow("a transcript begins with");
});

test.each([
  ['{"id":"x1","n":[1,2]}\n', '{"id":"…","n":[1,2]}', true],
  ["a\nb\nc", "a…c", true],
  ["(a+b)", "(a+b)", true],
  ["aab", "a+b", false],
  ["ab", "a", false],
  ["ab", "b", false],
])("%p matches the expected %p: %p", (printed, expected, isRight) => {
  expect(isAsExpected(printed, expected)).toBe(isRight);
});
