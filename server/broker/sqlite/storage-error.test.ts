import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { faultOfCode, StorageError, toStorageError } from "./storage-error.ts";

describe("result codes of SQLite", () => {
  test.each([
    [13, "full"],
    [8, "read-only"],
    [8 | (4 << 8), "read-only"],
    [14, "read-only"],
    [5, "in-use"],
    [11, "broken"],
    [26, "broken"],
    [10 | (3 << 8), "disk"],
    [1, "unknown"],
  ] as const)("%d means %s", (code, fault) => {
    expect(faultOfCode(code)).toBe(fault);
  });
});

describe("toStorageError", () => {
  test.each([
    ["full", Object.assign(new Error(), { code: "ENOSPC" })],
    ["read-only", Object.assign(new Error(), { code: "EROFS" })],
    ["no-directory", Object.assign(new Error(), { code: "ENOTDIR" })],
    ["unknown", Object.assign(new Error(), { code: "ELSE" })],
    ["unknown", new TypeError("a bug")],
    ["unknown", "a text"],
  ] as const)("says %s, names the directory, and keeps what was said", (fault, error) => {
    const said = toStorageError(error, "the/directory");
    expect([said.fault, said.cause]).toEqual([fault, error]);
    expect(said.message).toStartWith("DATA_DIR the/directory: ");
  });

  test("recognises errors of SQLite", () => {
    const database = new Database();
    database.run("CREATE TABLE t (a); PRAGMA max_page_count = 2");
    const fill = () => database.run("INSERT INTO t VALUES (?)", ["x".repeat(10_000)]);
    expect(fill).toThrow();
    try {
      fill();
    } catch (error) {
      expect(toStorageError(error, "the/directory").fault).toBe("full");
    }
    database.close();
  });

  test.each([
    ["a table is gone", "SELECT a FROM s", "broken"],
    ["a column is gone", "SELECT b FROM t", "broken"],
    ["a column cannot be written", "INSERT INTO t (b) VALUES (1)", "broken"],
    ["there is a column too many", "INSERT INTO t VALUES (1, 2)", "broken"],
    ["a statement is wrong", "SELEKT a FROM t", "unknown"],
  ] as const)(
    "says that the file is damaged where the schema in it does not fit our statements: %s",
    (_, sql, fault) => {
      const database = new Database();
      database.run("CREATE TABLE t (a)");
      try {
        database.query(sql).all();
        expect.unreachable();
      } catch (error) {
        expect(toStorageError(error, "the/directory").fault).toBe(fault);
      }
      database.close();
    },
  );

  test("leaves a StorageError as it is", () => {
    const error = new StorageError("foreign", "the/directory");
    expect(toStorageError(error, "another")).toBe(error);
  });
});
