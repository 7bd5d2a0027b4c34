import { describe, expect, test } from "bun:test";
import { DataText, decodeWithDataText, parseExactly } from "./data-text.ts";

describe("decoded frames", () => {
  const message = `{"type":"message","channel":"a","data": {"id":9007199254740993123, "price": 1.50},"id":"x"}`;

  test("keep the data of a message as the exact text that was sent", () => {
    expect(decodeWithDataText(message)).toEqual([
      { type: "message", channel: "a", data: new DataText('{"id":9007199254740993123, "price": 1.50}'), id: "x" },
    ] as never);
  });

  test("of a batch are decoded like single ones", () => {
    const advance = `{"type":"advance","channel":"a","offset":2}`;
    expect(decodeWithDataText(` [${advance} , ${message}]`)).toEqual([
      ...decodeWithDataText(advance),
      ...decodeWithDataText(message),
    ]);
  });

  test("without data match those of the SDK", () => {
    expect(decodeWithDataText(`{"type":"message","message":"Hi"}`)).toEqual([
      { type: "message", message: "Hi" },
    ] as never);
  });

  test.each(["", "nonsense", "[1]", '{"data":1}'])("are not found in %p", (text) => {
    expect(decodeWithDataText(text)).toEqual([]);
  });
});

describe("JSON that a user entered", () => {
  test.each(['{"id":9007199254740993123,"price":1.50,"list":[1e3,-0]}', "42", '"text"', "null"])(
    "%s is sent digit for digit",
    (text) => expect(JSON.stringify(parseExactly(text))).toBe(text),
  );

  test("that is not JSON is an error", () => {
    expect(() => parseExactly("{n:1}")).toThrow(SyntaxError);
  });
});
