import { Database, SQLiteError } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { StorageError, toStorageError } from "./storage-error.ts";

/** What SQLite throws, with another result code. */
function sqliteError(errno: number): SQLiteError {
  const database = new Database();
  try {
    database.run("no such statement");
  } catch (error) {
    if (error instanceof SQLiteError) return Object.defineProperty(error, "errno", { value: errno });
  } finally {
    database.close();
  }
  throw new Error("SQLite took what is no statement");
}

describe("toStorageError", () => {
  test.each([
    ["full", sqliteError(13)],
    ["full", Object.assign(new Error(), { code: "ENOSPC" })],
    ["read-only", sqliteError(8)],
    ["read-only", sqliteError(8 | (4 << 8))],
    ["read-only", sqliteError(14)],
    ["read-only", Object.assign(new Error(), { code: "EROFS" })],
    ["in-use", sqliteError(5)],
    ["broken", sqliteError(11)],
    ["broken", sqliteError(26)],
    ["disk", sqliteError(10 | (3 << 8))],
    ["unknown", sqliteError(1)],
    ["unknown", new TypeError("a bug")],
    ["unknown", "a text"],
  ] as const)("says %s of %p, names the directory, and keeps what was said", (fault, error) => {
    const said = toStorageError(error, "the/directory");
    expect([said.fault, said.cause]).toEqual([fault, error]);
    expect(said.message).toStartWith("DATA_DIR the/directory: ");
  });

  test("leaves alone what is in our words already", () => {
    const error = new StorageError("foreign", "the/directory");
    expect(toStorageError(error, "another")).toBe(error);
  });
});
