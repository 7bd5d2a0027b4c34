import { describe, expect, test } from "bun:test";
import { formatGreeting, maxGreetingBytes, parseGreeting } from "./greeting.ts";

describe("a greeting", () => {
  test("survives a round trip", () => {
    const greeting = { protocol: "fanfare-broker/1", name: "worker 3, the third" };
    expect(formatGreeting(greeting)).toBe("fanfare-broker/1 worker 3, the third");
    expect(parseGreeting(formatGreeting(greeting))).toEqual(greeting);
  });

  test("fits into its frame, however long the name is", () => {
    const text = formatGreeting({ protocol: "test/1", name: "あ".repeat(10_000) });
    expect(Buffer.byteLength(text)).toBeLessThan(maxGreetingBytes);
    expect(parseGreeting(text)?.protocol).toBe("test/1");
  });

  test.each(["", "hello", "test/1", "test 1", "/1 name", "test/ name", "GET / HTTP/1.1"])(
    "is not decoded from %p",
    (text) => {
      expect(parseGreeting(text)).toBeUndefined();
    },
  );
});
