import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { checkSocketPath, makeSocketPath, maxSocketPathBytes, removeSocketPath, socketFolder } from "./socket-path.ts";

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

  test("is in /tmp where the place for temporary files has too long a name", () => {
    // The longest place that leaves room for the longest name, and one byte more.
    const longest = `/${"a".repeat(maxSocketPathBytes - "/fanfare-4294967295-65535.sock".length - 1)}`;
    process.env.TMPDIR = longest;
    expect(socketFolder()).toBe(longest);
    process.env.TMPDIR = `${longest}a`;
    expect(socketFolder()).toBe("/tmp");
    const path = makeSocketPath("test");
    expect(dirname(dirname(path))).toBe("/tmp");
    removeSocketPath(path);
  });

  test("says so where there is no such place, and leaves nothing behind", () => {
    process.env.TMPDIR = "/dev/null/here";
    expect(() => makeSocketPath("test")).toThrow("ENOTDIR");
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
