import { describe, expect, test } from "bun:test";
import { connectionsWithin, openFilesLimit, openFilesWarning } from "./open-files.ts";

const limits = (soft: string) => `Limit                     Soft Limit           Hard Limit           Units
Max processes             100                  100                  processes
Max open files            ${soft}                 4096                 files
`;

test("the limit is read from what the kernel says, and unknown where it says nothing", () => {
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
  ])("that are to be %d are, under a limit of %p files, %d", (wanted, files, accepted) => {
    expect(connectionsWithin(wanted, files)).toBe(accepted);
  });

  test("that do not fit are warned of, with both numbers and the way out", () => {
    expect(openFilesWarning(896, 1024)).toBeUndefined();
    expect(openFilesWarning(Number.POSITIVE_INFINITY, 1024)).toBeUndefined();
    expect(openFilesWarning(897, 1024)).toBe(
      "MAX_CONNECTIONS is 897, but this process may open only 1024 files, so it accepts 896 connections. " +
        "Raise the limit (ulimit -n, LimitNOFILE= in systemd), or lower MAX_CONNECTIONS.",
    );
  });
});
