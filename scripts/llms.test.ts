import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { description } from "../package.json";
import { llmsText } from "./llms.js";

const docs = join(import.meta.dir, "..", "docs");
const index = await Bun.file(join(docs, "README.md")).text();

describe("docs/llms.txt", () => {
  test("is up to date with `npm run generate`", async () => {
    expect(await Bun.file(join(docs, "llms.txt")).text()).toBe(llmsText(index, description));
  });

  test("lists every page once, on a line of its own", () => {
    const listed = [...llmsText(index, description).matchAll(/^- \[.+?\]\((.+?)\): ./gm)].map(([, path]) => path);
    const all = [...new Glob("**/*.md").scanSync(docs)].filter((path) => path !== "README.md");
    expect(listed.toSorted()).toEqual(all.toSorted());
  });

  test("takes title and description from lists and tables", () => {
    const text =
      "## Read\n\n1. [Start](start.md): begin [here](a.md)\n| [A](a.md), [b](b.md) | two |\n| [X](../x.md) | not ours |";
    expect(llmsText(text, "What it is.")).toEndWith(
      "\n\n## Read\n\n- [Start](start.md): begin [here](a.md)\n- [A](a.md): two\n- [b](b.md): two\n",
    );
  });

  test.each(["See [a page](a.md).", "| [A page](a.md) |  |"])(
    "a page without a description is an error: %s",
    (line) => {
      expect(() => llmsText(line, "")).toThrow("expected a description of a.md");
    },
  );
});
