import { describe, expect, test } from "bun:test";
import { type JsonSchema, list, object, text, whole } from "../../api/about/json-schema.ts";
import { schemaTable } from "./schema-table.ts";

/** Each row as `name | type | meaning`, without markup. */
function rowsOf(schema: JsonSchema): readonly string[] {
  const body = /<tbody>([\s\S]*)<\/tbody>/.exec(schemaTable(schema)?.text ?? "")?.[1] ?? "";
  return body
    .split("</tr>")
    .map((row) => row.replaceAll("</td><td", "</td> | <td").replaceAll(/<[^>]+>/g, ""))
    .map((row) => row.trim())
    .filter((row) => row !== "");
}

const one = (schema: JsonSchema) => rowsOf(object({}, { a: schema }))[0];

test("a schema without members has no table", () => {
  expect(schemaTable(text("A text."))).toBeUndefined();
});

test("nested members are listed by their path, including list items and arbitrary names", () => {
  const schema = object(
    { a: object({ b: text("Deep.") }) },
    { c: list("Many.", object({ d: text("In a list.") })), e: { additionalProperties: object({ f: text("Any.") }) } },
  );
  expect(rowsOf(schema)).toEqual([
    "a | object, required |",
    "a.b | string, required | Deep.",
    "c | array of object | Many.",
    "c[].d | string, required | In a list.",
    "e | any JSON |",
    "e.*.f | string, required | Any.",
  ]);
  expect(rowsOf(list("Events.", object({ g: text("One.") })))).toEqual(["[].g | string, required | One."]);
});

describe("the rules of a member are described in words", () => {
  test.each<[JsonSchema, string]>([
    [whole("A count.", { minimum: 1, maximum: 9 }), "a | integer | A count. From 1 to 9."],
    [text("A word.", { maxLength: 7 }), "a | string | A word. At most 7 characters."],
    [text("A word: 1 to 7 letters.", { maxLength: 7 }), "a | string | A word: 1 to 7 letters."],
    [text("Either.", { enum: ["x", "y"] }), "a | string | Either. One of x, y."],
    [text("One.", { enum: ["1", "2", "3", "4", "5", "6"] }), "a | string | One."],
    [list("Some.", { type: "number" }, { maxItems: 3 }), "a | array of number | Some. At most 3 items."],
    [{ type: "boolean", default: false }, "a | boolean |  Default: false."],
    [{ const: "x<" }, "a | &quot;x&lt;&quot; |"],
    [{ type: ["string", "null"] }, "a | string or null |"],
    [{ anyOf: [{ $ref: "#/components/schemas/Position" }, { type: "string" }] }, "a | Position or string |"],
  ])("%j", (schema, row) => {
    expect(one(schema)).toBe(row);
  });
});
