import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Glob } from "bun";
import { description } from "../package.json";
import { llmsText } from "./llms.js";

const docs = join(import.meta.dir, "..", "docs");
const text = llmsText(await Bun.file(join(docs, "README.md")).text(), description);

describe("docs/llms.txt", () => {
  test("is up to date with `npm run generate`", async () => {
    expect(await Bun.file(join(docs, "llms.txt")).text()).toBe(text);
  });

  test("lists every page once, on a line of its own", () => {
    const listed = [...text.matchAll(/^- \[.+?\]\((.+?)\): ./gm)].map(([, path]) => path);
    const all = [...new Glob("**/*.md").scanSync(docs)].filter((path) => path !== "README.md");
    expect(listed.toSorted()).toEqual(all.toSorted());
  });
});
