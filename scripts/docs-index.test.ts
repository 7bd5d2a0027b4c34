import { describe, expect, test } from "bun:test";
import { sectionsOf } from "./docs-index.js";

describe("the index of the documentation", () => {
  test("is read from lists and tables, each page once", () => {
    const text = `# Docs

## Read

1. [Start](start.md): begin [here](a.md)

## Look up

| [A](a.md), [b](b.md) | two |
| [Start](start.md) | again |
| [X](../x.md) | elsewhere |`;
    expect(sectionsOf(text)).toEqual([
      { title: "Read", pages: [{ title: "Start", path: "start.md", what: "begin [here](a.md)" }] },
      {
        title: "Look up",
        pages: [
          { title: "A", path: "a.md", what: "two" },
          { title: "b", path: "b.md", what: "two" },
        ],
      },
    ]);
  });

  test.each(["See [a page](a.md).", "| [A page](a.md) |  |"])("must describe each page: %s", (line) => {
    expect(() => sectionsOf(line)).toThrow("expected a description of a.md");
  });
});
