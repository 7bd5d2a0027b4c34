import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkSocketPath, makeSocketPath, removeSocketPath } from "./socket-path.ts";

describe("makeSocketPath", () => {
  const before = process.env.TMPDIR;
  afterEach(() => {
    if (before === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = before;
  });

  test("names a socket in a directory of its own that nobody else may enter, and takes it away again", () => {
    const path = makeSocketPath("test");
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(existsSync(path)).toBe(false);
    expect(makeSocketPathAndRemove()).not.toBe(path);
    removeSocketPath(path);
    removeSocketPath(path);
    expect(existsSync(dirname(path))).toBe(false);
  });

  test("where the place for temporary files has too long a name, it says so and leaves nothing behind", () => {
    const long = mkdtempSync(join(tmpdir(), "a".repeat(100)));
    process.env.TMPDIR = long;
    expect(() => makeSocketPath("test")).toThrow("set TMPDIR to a shorter one");
    expect(readdirSync(long)).toEqual([]);
    rmSync(long, { recursive: true });
  });
});

test("a path is measured in bytes", () => {
  expect(() => checkSocketPath(`/${"a".repeat(102)}`)).not.toThrow();
  expect(() => checkSocketPath(`/${"é".repeat(54)}`)).toThrow("has 109");
});

function makeSocketPathAndRemove(): string {
  const path = makeSocketPath("test");
  removeSocketPath(path);
  return path;
}
