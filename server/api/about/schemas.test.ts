import { expect, test } from "bun:test";
import { parseChannelName, parseUserId } from "../../../protocol/channel-name.ts";
import { isEventName, isHeaders } from "../../../protocol/fields.ts";
import { parsePosition } from "../../../protocol/position.ts";
import { fc } from "../../../tests/property.ts";
import { check } from "../../../tests/schema/check.ts";
import { components } from "./components.ts";
import type { JsonSchema } from "./json-schema.ts";
import { channelName, epoch, errorCode, eventName, headers, offset, userId } from "./schemas.ts";

const resolve = () => ({});
const fits = (schema: JsonSchema, value: unknown) =>
  check({ ...schema }, value, { resolve, isStrict: false }).length === 0;

/** Texts made of characters at the edges of the rules: allowed ones, `@`, control characters, separators and others. */
const sign = fc.oneof(
  fc.constantFrom(..."aZ09_-=@,.;:/ *#$~%"),
  fc.constantFrom(
    "\u0000",
    "\u001f",
    "\u007f",
    "\u0080",
    "\u009f",
    "\u00a0",
    "\u2027",
    "\u2028",
    "\u2029",
    "é",
    "\ufeff",
  ),
);
const text = fc.oneof(
  fc.array(sign, { maxLength: 8 }).map((signs) => signs.join("")),
  fc.constantFrom("error", "open", "system", "errors", "all", "\n", "all\n", "@"),
  fc
    .tuple(fc.constantFrom("", "@"), fc.constantFrom(1, 64, 100, 101, 127, 128, 129, 199, 200, 201))
    .map(([prefix, count]) => prefix + "x".repeat(count)),
);

test.each<[string, JsonSchema, (value: string) => boolean]>([
  ["channel", channelName, (value) => parseChannelName(value) !== undefined],
  ["user", userId, (value) => parseUserId(value) !== undefined],
  ["event", eventName, isEventName],
  ["epoch", epoch, (value) => parsePosition({ epoch: value, offset: 0 }) !== undefined],
])("the schema of a %s accepts exactly what the parser accepts", (_, schema, isAllowed) => {
  fc.assert(
    fc.property(text, (value) => expect([value, fits(schema, value)]).toEqual([value, isAllowed(value)])),
    { numRuns: 2000 },
  );
});

test.each([0, 1, 17, -1, 1.5, "1", null, Number.MAX_SAFE_INTEGER])(
  "an offset of %j: schema and parser agree",
  (value) => {
    expect(fits(offset, value)).toBe(parsePosition({ epoch: "e", offset: value }) !== undefined);
    expect(fits(components.Position, { epoch: "e", offset: value })).toBe(fits(offset, value));
  },
);

test.each([[{}], [{ a: "b" }], [{ a: 1 }], [{ a: null }], [[]], ["a"], [{ "": "" }]])(
  "headers %j: schema and parser agree",
  (value) => {
    expect(fits(headers, value)).toBe(isHeaders(value));
  },
);

test("an error code that is not in the table is rejected", () => {
  expect([fits(errorCode, "rate-limited"), fits(errorCode, "rate-limit")]).toEqual([true, false]);
});
