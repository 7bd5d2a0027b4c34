import { describe, expect, test } from "bun:test";
import { connectionsWithin, openFilesLimit, openFilesWarning } from "./open-files.ts";

const limits = (soft: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             100                  100                  processes
Max open files            ${soft}                 4096                 files
`;

test("the limit is read from the kernel, and is unknown if the kernel does not report one", () => {
  expect(openFilesLimit(() => limits("1024"))).toBe(1024);
  expect(openFilesLimit(() => limits("unlimited"))).toBeUndefined();
  expect(openFilesLimit(() => "")).toBeUndefined();
  expect(
    openFilesLimit(() => {
      throw new Error("no /proc");
    }),
  ).toBeUndefined();
});

describe("connections", () => {
  test.each([
    [100, undefined, 100],
    [100, 1024, 100],
    [896, 1024, 896],
    [897, 1024, 896],
    [100_000, 256, 192],
    [100_000, 20_000, 18_976],
    [Number.POSITIVE_INFINITY, 1024, 896],
    [100, 10, 1],
  ])("for which %d are configured, under a limit of %p files, are limited to %d", (wanted, files, accepted) => {
    expect(connectionsWithin(wanted, files)).toBe(accepted);
  });

  test("that do not fit cause a warning with both numbers and a solution", () => {
    expect(openFilesWarning(896, 1024)).toBeUndefined();
    expect(openFilesWarning(Number.POSITIVE_INFINITY, 1024)).toBeUndefined();
    expect(openFilesWarning(897, 1024)).toBe(
      "MAX_CONNECTIONS is 897, but this process may open only 1024 files, so it accepts 896 connections. " +
        "Raise the limit (ulimit -n, LimitNOFILE= in systemd), or lower MAX_CONNECTIONS.",
    );
  });
});
