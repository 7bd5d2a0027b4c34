import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileAt } from "./file-at.ts";

const folder = mkdtempSync(join(tmpdir(), "fanfare-file-at-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a file is found, through a link too", () => {
  writeFileSync(join(folder, "file"), "four");
  symlinkSync(join(folder, "file"), join(folder, "link"));
  expect(fileAt(join(folder, "file"))?.size).toBe(4);
  expect(fileAt(join(folder, "link"))?.size).toBe(4);
});

test.each([
  ["the file is missing", "missing"],
  ["a file is in place of its directory", "file/in-it"],
  ["a link leads to itself", "loop"],
  ["its name is too long", "x".repeat(300)],
])("nothing is found if %s", (_, name) => {
  writeFileSync(join(folder, "file"), "");
  rmSync(join(folder, "loop"), { force: true });
  symlinkSync("loop", join(folder, "loop"));
  expect(fileAt(join(folder, name))).toBeUndefined();
});
