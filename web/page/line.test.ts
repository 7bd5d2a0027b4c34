import { describe, expect, test } from "bun:test";
import { lineOf, spoken } from "./line.ts";

const base = { type: "message", channel: "room:1", id: "x", timestamp: "2026-11-20T10:30:25.123Z" } as const;

describe("a line", () => {
  test("says what the message says", () => {
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
    ["Hello", "Hello"],
    [42, "42"],
    [null, "null"],
    [{ order: 42, lines: ["a", "b\n  c"] }, '{ "order": 42, "lines": [ "a", "b\\n  c" ] }'],
  ])("shows the data %j as %s", (data, text) => {
    expect(lineOf({ ...base, data }, "Bob")).toMatchObject({ text });
  });

  test("shows text and data, where there are both", () => {
    expect(lineOf({ ...base, message: "Shipped", data: { order: 42 } }, "")).toMatchObject({
      text: 'Shipped { "order": 42 }',
    });
  });

  test("is our own where it bears the name of our field, and never without a sender", () => {
    expect(lineOf({ ...base, message: "Hi", sender: "Bob" }, "Bob")).toMatchObject({ isOwn: true });
    expect(lineOf({ ...base, message: "Hi" }, "")).toMatchObject({ isOwn: false });
  });

  test.each([
    [{ ...base, message: "Hi", sender: "Alice" }, "Alice: Hi"],
    [{ ...base, data: 42, event: "price" }, "price: 42"],
    [{ ...base, message: "Hi" }, "room:1: Hi"],
  ])("is read out with who or what it is from", (message, sentence) => {
    expect(spoken(lineOf(message, ""))).toBe(sentence);
  });
});
