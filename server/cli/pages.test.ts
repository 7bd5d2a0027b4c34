import { describe, expect, test } from "bun:test";
import { closeTable } from "../../protocol/close-codes.ts";
import { errorTable } from "../../protocol/errors.ts";
import { pages } from "./pages.ts";

const root = new URL("../../", import.meta.url);

describe("the generated pages", () => {
  test.each(pages.map(({ path, make }) => [path, make] as const))(
    "%s is up to date with `npm run generate`",
    async (path, make) => {
      expect(await Bun.file(new URL(path, root)).text()).toBe(make());
    },
  );

  test("contain every error code and every close code", () => {
    const text = (name: string) => pages.find((page) => page.name === name)?.make() ?? "";
    for (const code of Object.keys(errorTable)) expect(text("errors")).toContain(`| \`${code}\` |`);
    for (const { code } of Object.values(closeTable)) expect(text("close-codes")).toContain(`| ${code} |`);
    expect(Object.values(closeTable).every(({ reason }) => text("close-codes").includes(reason))).toBe(true);
  });
});
