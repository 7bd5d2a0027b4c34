import { describe, expect, test } from "bun:test";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { formatBody, parseBody } from "./stored-body.ts";

describe("a stored body", () => {
  test.each([
    ["lone surrogates", "\ud800 and \udc00"],
    ["zero characters and line breaks", "\u0000\n\u2028"],
    ["numbers beyond 53 bits, which stay text", '{"big":12345678901234567890}'],
  ])("keeps %s", (_, data) => {
    const draft = { channel: "a" as ChannelName, message: data, data, headers: { traceparent: data } };
    const { channel, ...body } = draft;
    expect(parseBody(formatBody(draft, "x"))).toEqual({ ...body, id: "x" });
  });

  test.each(["", "null", "17", "{}", '{"id":1}', '{"id":"x"'])("that is damaged is an error: %j", (text) => {
    expect(() => parseBody(text)).toThrow();
  });
});
