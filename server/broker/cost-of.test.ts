import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Draft } from "../../protocol/publication.ts";
import { bytesOf, costOf, publishedBytesOf } from "./cost-of.ts";
import { toPublication } from "./to-publication.ts";

const draft: Draft = { channel: "a" as ChannelName, message: "hi" };
const base = costOf(draft);

describe("the cost of a publication", () => {
  test.each<[string, Partial<Draft>, number]>([
    ["a longer message", { message: "hi!" }, 1],
    ["a message with two bytes per character", { message: "€€" }, 2],
    ["a longer channel name", { channel: "abc" as ChannelName }, 2],
    ["data", { data: "[1]" }, 64 + 3],
    ["an event", { event: "e" }, 64 + 1],
    ["a sender", { sender: "s" }, 64 + 1],
    ["a key", { key: "k" }, 64 + 1],
    ["an id of a publisher instead of one of 36 characters", { id: "i" }, 1 - 36],
    ["a connection that is left out", { excludeConnectionId: "c_1" }, 64 + 3],
    ["headers", { headers: { a: "12", b: "€" } }, 300 + 2 * 150 + (65 + 66) + (65 + 66)],
  ])("counts %s", (_, labels, more) => {
    expect(costOf({ ...draft, ...labels }) - base).toBe(more);
  });

  test("is the same for a draft and its publication", () => {
    const place = { id: crypto.randomUUID(), epoch: "e", offset: 1, timestamp: 1 };
    expect(costOf(toPublication(draft, place))).toBe(base);
  });
});

describe("the bytes that a publisher's limit counts", () => {
  test.each<[string, Partial<Draft>, number]>([
    ["a message in UTF-8", { message: "Grüße €" }, 11],
    ["data", { message: "", data: '"é"' }, 4],
    ["names and values of headers", { message: "", headers: { näme: "wert" } }, 9],
    ["no other label", { message: "", id: "i", sender: "s", key: "k", event: "e" }, 0],
  ])("are those of %s", (_, labels, bytes) => {
    expect(bytesOf({ ...draft, ...labels })).toBe(bytes);
    expect(publishedBytesOf({ ...draft, ...labels })).toBe(bytes);
  });

  test("are those of the characters in `data`, not of the escapes that some encoders write", () => {
    const body = { ...draft, message: "", data: JSON.stringify(["\\ud83d\\ude00"]).replaceAll("\\\\", "\\") };
    expect([body.data, bytesOf(body), publishedBytesOf(body)]).toEqual(['["\\ud83d\\ude00"]', 16, 8]);
  });
});
