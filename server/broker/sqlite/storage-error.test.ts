import { describe, expect, test } from "bun:test";
import { DamagedHistory, StorageError, toStorageError } from "./storage-error.ts";

describe("toStorageError", () => {
  test.each([
    ["full", Object.assign(new Error(), { code: "ENOSPC" })],
    ["broken", new DamagedHistory("a gap")],
    ["unknown", "a text"],
  ] as const)("says %s, names the directory, and keeps what was said", (fault, error) => {
    const said = toStorageError(error, "the/directory");
    expect([said.fault, said.cause]).toEqual([fault, error]);
    expect(said.message).toStartWith("DATA_DIR the/directory: ");
  });

  test("leaves a StorageError as it is", () => {
    const error = new StorageError("foreign", "the/directory");
    expect(toStorageError(error, "another")).toBe(error);
  });
});
