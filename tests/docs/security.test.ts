import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");

test("each threat in docs/security.md names what stops it, and tests that exist", () => {
  const rows = readFileSync(join(root, "docs", "security.md"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| threat"));
  expect(rows.length).toBeGreaterThan(25);
  for (const row of rows) {
    const [, threat = "", defence = "", tests = ""] = row.split("|").map((cell) => cell.trim());
    const named = [...tests.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, path = ""]) => path);
    expect([threat, defence.length > 10, named.length > 0]).toEqual([threat, true, true]);
    expect([threat, named.filter((path) => !existsSync(join(root, path)))]).toEqual([threat, []]);
  }
});
