import { expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { otherFields } from "./other-fields.ts";

const draft = { channel: "room" as ChannelName };
const publication = { ...draft, id: "i", epoch: "e1", offset: 1, timestamp: 2 };

test.each([
  [{}, "", ""],
  [{ data: "1" }, "", ""],
  [{ message: "Hello" }, "Hello", ""],
  [{ message: "Hello", data: "1" }, "Hello", ""],
  [{ message: "" }, "", '{"message":""}'],
  [{ message: "\ud83d", data: "1" }, "", '{"message":"\\ud83d"}'],
  [{ data: "1", event: "e", headers: { a: "b" } }, "", '{"event":"e","headers":{"a":"b"}}'],
  [{ message: "", key: "k" }, "", '{"key":"k","message":""}'],
  [{ message: "Hello", new: [1] }, "Hello", '{"new":[1]}'],
])("of a draft and of a publication with %j, whose message is written as %j, are %j", (fields, message, others) => {
  for (const it of [draft, { ...draft, id: "i" }, publication]) {
    expect(otherFields({ ...it, ...fields }, message)).toBe(others);
  }
});
