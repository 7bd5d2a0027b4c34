import { describe, expect, test } from "bun:test";
import { check, type Schema } from "./check.ts";

const resolve = (ref: string): Schema => (ref === "#/pair" ? { type: "array", minItems: 2, maxItems: 2 } : {});

describe("the checker finds", () => {
  test.each<[string, Schema, unknown]>([
    ["another type", { type: "string" }, 1],
    ["none of several types", { type: ["string", "null"] }, 1],
    ["a fraction", { type: "integer" }, 1.5],
    ["an array instead of an object", { type: "object" }, []],
    ["another constant", { const: "a" }, "b"],
    ["none of the choices", { enum: ["a", "b"] }, "c"],
    ["a string that does not match the pattern", { pattern: "^a$" }, "b"],
    ["a time without its zone", { format: "date-time" }, "2026-11-20T10:30:25.123"],
    ["a string that is too short", { minLength: 1 }, ""],
    ["a string that is too long", { maxLength: 1 }, "ab"],
    ["a number that is too small", { minimum: 0 }, -1],
    ["a number that is too large", { maximum: 0 }, 1],
    ["a list with an item twice", { uniqueItems: true }, [1, 1]],
    ["a list that is too long", { maxItems: 1 }, [1, 2]],
    ["a list that is too short", { minItems: 1 }, []],
    ["an object with too many members", { maxProperties: 1 }, { a: 1, b: 2 }],
    ["a missing member", { required: ["a"] }, {}],
    ["a member of another type", { properties: { a: { type: "string" } } }, { a: 1 }],
    ["a further member of another type", { additionalProperties: { type: "string" } }, { a: 1 }],
    ["an item of another type", { items: { type: "string" } }, ["a", 1]],
    ["a value that matches none of anyOf", { anyOf: [{ type: "string" }, { type: "null" }] }, 1],
    ["a value that matches several of oneOf", { oneOf: [{ required: ["a"] }, { required: ["b"] }] }, { a: 1, b: 1 }],
    ["a value that does not match a reference", { $ref: "#/pair" }, [1]],
  ])("%s", (_, schema, value) => {
    expect(check(schema, value, { resolve, isStrict: false })).toHaveLength(1);
  });

  test("an undescribed member, in strict mode", () => {
    const schema = { type: "object", properties: { a: {} } };
    expect(check(schema, { a: 1, b: 2 }, { resolve, isStrict: true })).toEqual(["$.b is not documented"]);
    expect(check(schema, { a: 1, b: 2 }, { resolve, isStrict: false })).toEqual([]);
  });
});

test("a valid value has no faults", () => {
  const schema = {
    type: "object",
    properties: { a: { $ref: "#/pair" }, b: { type: "string", format: "date-time" } },
    required: ["a"],
    oneOf: [{ required: ["a"] }, { required: ["c"] }],
  };
  const value = { a: [1, 2], b: "2026-11-20T10:30:25.123Z" };
  expect(check(schema, value, { resolve, isStrict: true })).toEqual([]);
});

test.each<[string, Schema]>([
  ["not", { not: {} }],
  ["the format email", { format: "email" }],
  ["the type int", { type: "int" }],
])("reports what it does not support instead of ignoring it: %s", (what, schema) => {
  expect(() => check(schema, 1, { resolve, isStrict: false })).toThrow(`does not know ${what}`);
});
