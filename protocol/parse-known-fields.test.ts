import { describe, expect, test } from "bun:test";
import { unknownIn } from "./fields.ts";
import { KnownFields } from "./known-fields.ts";
import { limits } from "./limits.ts";
import { parseKnownFields } from "./parse-known-fields.ts";

const publish = new KnownFields(["channel", "headers", "data"]);
const known = new KnownFields(["id", "at", "data", "publish", "channels"], new Map([["publish", publish]]));
const parse = (text: string) => parseKnownFields(text, known, 10);

describe("parseKnownFields", () => {
  test("parses known fields, and checks the text of data without parsing it", () => {
    expect(parse(' {"id": "a\\u0062", "at":1.5,"data" : {"x":[1,{}]} } ')).toEqual({
      id: "ab",
      at: 1.5,
      data: '{"x":[1,{}]}',
    });
    expect(() => parse('{"data":{"x":[1,]}}')).toThrow(SyntaxError);
  });

  test("a name may be escaped, and of a repeated field the last one counts", () => {
    expect(parse('{"d\\u0061ta":{},"id":1,"\\u0069\\u0064":2}')).toEqual({ data: "{}", id: 2 });
    expect(parse('{"publish":{"x":1},"publish":{"channel":"a"}}')).toEqual({ publish: { channel: "a" } });
  });

  test("unknown fields are only named", () => {
    const value = parse('{"chanel":{"a":1},"id":1,"\\u0078":2,"__proto__":3,"":4}') as object;
    expect(unknownIn(value as never)).toEqual(["chanel", "x", "__proto__", ""]);
    expect({ ...value }).toMatchObject({ id: 1, "": 0 });
    expect(Object.keys(value)).toEqual(["", "id"]);
  });

  test("unknown fields inside a known object belong to that object", () => {
    const value = parse('{"x":1,"publish":{"channel":"a","y":2,"data":[1]}}') as { publish: never };
    expect(unknownIn(value as never)).toEqual(["x"]);
    expect(unknownIn(value.publish)).toEqual(["y"]);
    expect(value.publish as object).toMatchObject({ channel: "a", data: "[1]" });
    expect(parse('{"publish":[1]}')).toEqual({ publish: [] });
    expect(parse('{"publish":"a"}')).toEqual({ publish: "a" });
  });

  test("each object of an array has its own", () => {
    const items = parse('[{"id":1},{"x":1},7,{"id":2,"y":1},[{}]]') as never[];
    expect(items.map((it) => unknownIn(it))).toEqual([[], ["x"], [], ["y"], []]);
    expect(items[2] as unknown).toBe(0);
    expect(items[4] as unknown).toEqual([]);
  });

  test("keeps as many members and elements as are allowed, and one that shows that there are more", () => {
    const member = (_: unknown, at: number) => `"n${at}":"v"`;
    const headers = (count: number) =>
      (
        parse(`{"publish":{"headers":{${Array.from({ length: count }, member).join()}}}}`) as {
          publish: { headers: object };
        }
      ).publish.headers;
    expect(headers(limits.headers)).not.toHaveProperty([""]);
    expect(headers(limits.headers + 5)).toMatchObject({ n0: "v", "": 0 });
    expect(Object.keys(headers(limits.headers + 5))).toHaveLength(limits.headers + 1);
    expect(parse('{"at":{"é":"v","\\u0061":"v","c":{},"d":"v"}}')).toEqual({ at: { "": 0, d: "v" } });
    const many = `${'"a",'.repeat(limits.publishTargets + 5)}{"b":1}`;
    const { channels } = parse(`{"channels":[${many}]}`) as { channels: unknown[] };
    expect(channels.slice(-7)).toEqual(["a", 0, 0, 0, 0, 0, {}]);
    expect(channels).toHaveLength(limits.publishTargets + 6);
    expect(parse('{"channels":["a",{"b":1},[2]],"at":["a"]}')).toEqual({ channels: ["a", {}, []], at: [] });
    expect(parse('{"channels":"a"}')).toEqual({ channels: "a" });
    expect(parse('{"channels":{"a":{}}}')).toEqual({ channels: { "": 0 } });
  });

  test("a value that is no object is returned as it is", () => {
    expect(["1", '"a"', "null", "[]"].map(parse)).toEqual([1, "a", null, []]);
  });
});
