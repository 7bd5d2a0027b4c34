import { describe, expect, test } from "bun:test";
import { DataText } from "./data-text.ts";
import { gapText, lineOf, lossText, spoken } from "./line.ts";

const base = { channel: "room:1", id: "x", timestamp: "2026-11-20T10:30:25.123Z", data: undefined };

describe("a line", () => {
  test("shows the text of the message", () => {
    expect(lineOf({ ...base, offset: 7, message: "Hi", sender: "Alice", event: "chat" }, "Bob")).toEqual({
      kind: "message",
      atMs: Date.UTC(2026, 10, 20, 10, 30, 25, 123),
      channel: "room:1",
      offset: 7,
      sender: "Alice",
      event: "chat",
      text: "Hi",
      isOwn: false,
    });
  });

  test.each([
    ['"Hello\\nBob"', "Hello\nBob"],
    ["42", "42"],
    ["null", "null"],
    ['{"id": 9007199254740993123, "price": 1.50}', '{"id": 9007199254740993123, "price": 1.50}'],
  ])("shows the data %s as %p", (json, text) => {
    expect(lineOf({ ...base, data: new DataText(json) }, "Bob")).toMatchObject({ text });
  });

  test("shows both text and data", () => {
    expect(lineOf({ ...base, message: "Shipped", data: new DataText('{"order":42}') }, "")).toMatchObject({
      text: 'Shipped {"order":42}',
    });
  });

  test("is marked as ours if it has our name as sender, and never without a sender", () => {
    expect(lineOf({ ...base, message: "Hi", sender: "Bob" }, "Bob")).toMatchObject({ isOwn: true });
    expect(lineOf({ ...base, message: "Hi" }, "")).toMatchObject({ isOwn: false });
  });

  test.each([
    [{ ...base, message: "Hi", sender: "Alice" }, "Alice: Hi"],
    [{ ...base, data: new DataText("42"), event: "price" }, "price: 42"],
    [{ ...base, message: "Hi" }, "room:1: Hi"],
  ])("is announced with its sender, its event or its channel", (message, sentence) => {
    expect(spoken(lineOf(message, ""))).toBe(sentence);
  });
});

describe("the text for a gap", () => {
  test.each([
    [{ from: 3, to: 3 }, "One message of room:1 was missed (3)"],
    [{ from: 3, to: 9 }, "7 messages of room:1 were missed (3 to 9)"],
  ])("%j", (ends, text) => {
    expect(gapText(["room:1"], { ...ends, epoch: "a", reason: "history-too-short" })).toStartWith(text);
  });

  test("a restarted server is reported once for all channels", () => {
    const text = gapText(["all", "room:1"], { epoch: "b", from: 1, to: 0, reason: "epoch-changed" });
    expect(text).toContain("history (all, room:1)");
  });
});

test.each([
  [{ status: "closed", code: 1000, reason: "closed by the client" }, "Disconnected."],
  [
    { status: "closed", code: 4500, reason: "not allowed" },
    "The server closed the connection for good (4500: not allowed).",
  ],
  [{ status: "offline", code: 1006, reason: "" }, "The network is down. This page reconnects when it is back."],
  [{ status: "reconnecting", code: 1006, reason: "" }, "Connection lost (1006). Reconnecting…"],
] as const)("the state %j of a closed connection reads %p", (state, text) => {
  expect(lossText({ ...state, nextTryAt: undefined })).toBe(text);
});
