import { expect, test } from "bun:test";
import { createClient } from "../../client/index.ts";
import { cursorOf, parseSinceFlag, startPositionOf } from "./since.ts";

test.each([
  ["17", { from: "offset", offset: 17 }],
  ["0", { from: "offset", offset: 0 }],
  ["earliest", { from: "keyword", keyword: "earliest" }],
  ["last:10", { from: "keyword", keyword: "last:10" }],
  ["room%3A1~k3x9~17", { from: "cursor", cursor: new Map([["room:1", { epoch: "k3x9", offset: 17 }]]) }],
])("parses --since %s", (text, since) => {
  expect<unknown>(parseSinceFlag(text)).toEqual(since);
});

test.each([[""], ["-1"], ["soon"], ["2m"], ["last:"], ["last:10001"], ["all~17"]])("rejects --since %j", (text) => {
  expect(() => parseSinceFlag(text)).toThrow(/^--since: expected an offset such as 17, .*, got /);
});

test("a cursor of several channels gives each its own position, and none to a channel that it does not name", async () => {
  const since = parseSinceFlag("a~e1~17,b~e2~4");
  const client = createClient("ws://127.0.0.1:1");
  const positions = await Promise.all(["b", "a", "c"].map((channel) => startPositionOf(client, channel, since)));
  expect(positions).toEqual([{ epoch: "e2", offset: 4 }, { epoch: "e1", offset: 17 }, undefined]);
  client.close();
});

test("--since accepts the cursor of a printed message", () => {
  const cursor = cursorOf("room:1", { epoch: "k3x9", offset: 17 }) ?? "";
  expect<unknown>(parseSinceFlag(cursor)).toEqual({
    from: "cursor",
    cursor: new Map([["room:1", { epoch: "k3x9", offset: 17 }]]),
  });
});
