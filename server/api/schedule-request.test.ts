import { describe, expect, test } from "bun:test";
import { parseObject } from "../../protocol/fields.ts";
import { knownScheduleFields, parseScheduleRequest } from "./schedule-request.ts";

const publishOf = (text: string) =>
  parseScheduleRequest(parseObject(text, knownScheduleFields, 2), text).definition.publish;

describe("the publish request that a schedule keeps", () => {
  test("has no white space, so that a megabyte of it does not use up SCHEDULE_BYTES", () => {
    const space = " \n\t".repeat(1000);
    const publish = `{${space}"user_ids" :${space}["a",${space}"b"],"headers":{ "h" : "v w" },${space}"message":"x  y"${space}}`;
    expect(publishOf(`{"every_s":60,"publish":${publish}}`)).toBe(
      '{"user_ids":["a","b"],"headers":{"h":"v w"},"message":"x  y"}',
    );
  });

  test("has data as it came, on one line", () => {
    expect(publishOf('{"every_s":60,"publish":{"channel":"a", "data": {"n": 9007199254740993,\n"n":1.0} }}')).toBe(
      '{"channel":"a","data":{"n": 9007199254740993, "n":1.0}}',
    );
  });
});

test.each([".", ".."])("the id %s is refused, because no URL can name it", (id) => {
  const text = JSON.stringify({ id, every_s: 60, publish: { channel: "a", data: 1 } });
  expect(() => parseScheduleRequest(parseObject(text, knownScheduleFields, 2), text)).toThrow(
    "id: expected 1 to 64 of the characters",
  );
});
