import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { testIf } from "../../../tests/test-if.ts";
import { openDatabase } from "./open-database.ts";

let parent = "";

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "fanfare-database-"));
});

afterEach(() => rm(parent, { recursive: true }));

describe("openDatabase", () => {
  // Tests that kill the process do not cover these settings. Without them, a power cut loses acknowledged messages, or two
  // processes write one file.
  test.each([
    ["journal_mode", "wal"],
    ["synchronous", 2],
    ["locking_mode", "exclusive"],
  ])("sets %s to %p", (pragma, value) => {
    const { database } = openDatabase(parent);
    const found = database.query<Record<string, unknown>, []>(`PRAGMA ${pragma}`).get();
    expect(Object.values(found ?? {})).toEqual([value]);
    database.close();
  });

  testIf(process.platform !== "win32", "Windows has no such modes")(
    "creates a directory that only its owner can read",
    async () => {
      const directory = join(parent, "new");
      openDatabase(directory).database.close();
      expect((await stat(directory)).mode & 0o777).toBe(0o700);
    },
  );
});
