import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { fileFaultOf, fileFaultOfCode } from "./file-fault.ts";

describe("result codes of SQLite", () => {
  test.each([
    [13, "full"],
    [3, "read-only"],
    [8, "read-only"],
    [8 | (4 << 8), "read-only"],
    [14, "read-only"],
    [5, "in-use"],
    [11, "broken"],
    [26, "broken"],
    [10 | (3 << 8), "disk"],
    [1, "unknown"],
  ] as const)("%d means %s", (code, fault) => {
    expect(fileFaultOfCode(code)).toBe(fault);
  });
});

describe("an error", () => {
  test.each([
    ["full", Object.assign(new Error(), { code: "ENOSPC" })],
    ["read-only", Object.assign(new Error(), { code: "EROFS" })],
    ["no-directory", Object.assign(new Error(), { code: "ENOTDIR" })],
    ["no-directory", Object.assign(new Error(), { code: "ELOOP" })],
    ["no-directory", Object.assign(new Error(), { code: "ENAMETOOLONG" })],
    ["unknown", Object.assign(new Error(), { code: "ELSE" })],
    ["unknown", new TypeError("a bug")],
    ["unknown", "a text"],
  ] as const)("means %s", (fault, error) => {
    expect(fileFaultOf(error)).toBe(fault);
  });

  test("of SQLite whose file cannot grow means that the disk is full", () => {
    const database = new Database();
    database.run("CREATE TABLE t (a); PRAGMA max_page_count = 2");
    expect(faultOfSql(database, `INSERT INTO t VALUES ('${"x".repeat(10_000)}')`)).toBe("full");
    database.close();
  });

  test.each([
    ["a table is gone", "SELECT a FROM s", "broken"],
    ["a column is gone", "SELECT b FROM t", "broken"],
    ["a column cannot be written", "INSERT INTO t (b) VALUES (1)", "broken"],
    ["there is a column too many", "INSERT INTO t VALUES (1, 2)", "broken"],
    ["a statement is wrong", "SELEKT a FROM t", "unknown"],
  ] as const)("says that the file is damaged where its schema does not fit our statements: %s", (_, sql, fault) => {
    const database = new Database();
    database.run("CREATE TABLE t (a)");
    expect(faultOfSql(database, sql)).toBe(fault);
    database.close();
  });
});

function faultOfSql(database: Database, sql: string): string {
  try {
    database.query(sql).all();
  } catch (error) {
    return fileFaultOf(error);
  }
  return "no error";
}
