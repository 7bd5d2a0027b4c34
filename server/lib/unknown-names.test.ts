import { describe, expect, test } from "bun:test";
import { refuseUnknownNames, unknownNames } from "./unknown-names.ts";

const known = ["channel", "message", "ephemeral"];

describe("unknown names", () => {
  test.each([
    ["a typo", ["chanel"], ['unknown field "chanel". Did you mean "channel"?']],
    ["swapped letters", ["emphemeral"], ['unknown field "emphemeral". Did you mean "ephemeral"?']],
    ["a different word", ["colour"], ['unknown field "colour". Allowed here: channel, message, ephemeral.']],
    ["a repeated name", ["x", "x"], ['unknown field "x". Allowed here: channel, message, ephemeral.']],
    ["no unknown name", ["channel", "message"], []],
  ])("are reported: %s", (_, given, expected) => {
    expect(unknownNames(given, known, "field")).toEqual(expected);
  });

  test("are reported if nothing is allowed", () => {
    expect(unknownNames(["limt"], [], "parameter")).toEqual(['unknown parameter "limt". None are allowed here.']);
  });

  test("are only counted from the sixth on, and cut if they are long", () => {
    const five = ["a1", "a2", "a3", "a4", "a5"];
    expect(unknownNames(five, known, "field")).toHaveLength(5);
    expect(unknownNames([...five, "a6", "a7"], known, "field").at(-1)).toBe("2 more unknown fields");
    expect(unknownNames(["x".repeat(10_000)], known, "field")[0]?.length).toBeLessThan(150);
  });

  test("are rejected, and the error names the first as field or parameter", () => {
    expect(() => refuseUnknownNames(["channel"], known, "field")).not.toThrow();
    expect(() => refuseUnknownNames(["channel", "mesage"], known, "field")).toThrow(
      expect.objectContaining({ code: "invalid-field", field: "mesage" }),
    );
    expect(() => refuseUnknownNames(["limt"], ["limit"], "parameter")).toThrow(
      expect.objectContaining({ code: "bad-request", field: "limt", message: expect.stringContaining('"limit"') }),
    );
  });
});
