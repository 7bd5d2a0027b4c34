import { describe, expect, test } from "bun:test";
import { parseRedisUrl, showRedisAddress } from "./address.ts";

const plain = { username: undefined, password: undefined, db: 0, hasTls: false, primaryName: undefined };

describe("parseRedisUrl", () => {
  test.each([
    ["redis://127.0.0.1", { ...plain, kind: "single", hosts: [{ host: "127.0.0.1", port: 6379 }] }],
    ["redis://[::1]:6380/3", { ...plain, kind: "single", hosts: [{ host: "::1", port: 6380 }], db: 3 }],
    [
      "rediss://app:p%40ss@redis.example:6380/0",
      {
        ...plain,
        kind: "single",
        hosts: [{ host: "redis.example", port: 6380 }],
        username: "app",
        password: "p@ss",
        hasTls: true,
      },
    ],
    ["redis://:secret@h", { ...plain, kind: "single", hosts: [{ host: "h", port: 6379 }], password: "secret" }],
    [
      "redis+cluster://a:7000,b:7001",
      {
        ...plain,
        kind: "cluster",
        hosts: [
          { host: "a", port: 7000 },
          { host: "b", port: 7001 },
        ],
      },
    ],
    [
      "redis+sentinel://a,b:26380/main/1",
      {
        ...plain,
        kind: "sentinel",
        hosts: [
          { host: "a", port: 26_379 },
          { host: "b", port: 26_380 },
        ],
        db: 1,
        primaryName: "main",
      },
    ],
  ])("parses %s", (url, address) => {
    expect(parseRedisUrl(url)).toEqual(address as never);
  });

  test.each([
    ["http://h", /expected redis:/],
    ["redis://", /expected redis:/],
    ["redis://h:0", /port/],
    ["redis://h:66000", /port/],
    ["redis://a:1,b:2", /several hosts/],
    ["redis://h/one", /database/],
    ["redis://h/1/2", /database/],
    ["redis+cluster://a:1/2", /database 0/],
    ["redis+sentinel://a:1", /name of the primary/],
    ["redis://u:%zz@h", /percent-encoded/],
  ])("says what is wrong with %s", (url, rule) => {
    expect(parseRedisUrl(url)).toMatch(rule);
  });

  test("shows neither user name nor password, neither in the address nor in an error", () => {
    const address = parseRedisUrl("redis+sentinel://app:hunter2@a:1/main");
    if (typeof address === "string") throw new Error(address);
    expect(showRedisAddress(address)).toBe("main behind the sentinels at a:1");
    expect(parseRedisUrl("redis://app:hunter2@h:99999")).not.toContain("hunter2");
  });
});
