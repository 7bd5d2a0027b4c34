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

  test("names a socket in its own directory, which only its user can enter, and removes it again", () => {
    const path = makeSocketPath("test");
    expect(statSync(dirname(path)).mode & 0o777).toBe(0o700);
    expect(existsSync(path)).toBe(false);
    expect(makeSocketPathAndRemove()).not.toBe(path);
    removeSocketPath(path);
    removeSocketPath(path);
    expect(existsSync(dirname(path))).toBe(false);
  });

  test("uses /tmp if the path of the temporary directory is too long", () => {
    // The longest directory that leaves room for the longest name, and one that is a byte longer.
    const longest = `/${"a".repeat(maxSocketPathBytes - "/fanfare-4294967295-65535.sock".length - 1)}`;
    process.env.TMPDIR = longest;
    expect(socketFolder()).toBe(longest);
    process.env.TMPDIR = `${longest}a`;
    expect(socketFolder()).toBe("/tmp");
    const path = makeSocketPath("test");
    expect(dirname(dirname(path))).toBe("/tmp");
    removeSocketPath(path);
  });

  test("fails if there is no such directory, and leaves nothing behind", () => {
    process.env.TMPDIR = "/dev/null/here";
    expect(() => makeSocketPath("test")).toThrow("ENOTDIR");
  });
});

test("measures a path in bytes", () => {
  expect(() => checkSocketPath(`/${"a".repeat(102)}`)).not.toThrow();
  expect(() => checkSocketPath(`/${"é".repeat(54)}`)).toThrow("has 109");
});

function makeSocketPathAndRemove(): string {
  const path = makeSocketPath("test");
  removeSocketPath(path);
  return path;
}
