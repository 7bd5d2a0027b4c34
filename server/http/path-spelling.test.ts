import { describe, expect, test } from "bun:test";
import { checkEscapes, checkSpelling } from "./path-spelling.ts";

describe("a path", () => {
  test.each(["/v1/users/Zo%C3%AB/block", "/v1/channels/a%2Fb", "/v1/users/100%25", "/v1/channels/a"])(
    "may be %s",
    (path) => {
      expect(() => checkSpelling(path)).not.toThrow();
    },
  );

  test.each(["/%76%31/publish", "/v1/users/a%2e"])("has no needless escapes: %s", (path) => {
    expect(() => checkSpelling(path)).toThrow("path: expected letters, digits");
  });

  test.each(["/v1/users/Zo%EB/block", "/v1/users/100%/block", "/v1/users/%zz/block", "/v1/users/%ED%A0%80/block"])(
    "that cannot be decoded names nobody: %s",
    (path) => {
      expect(() => checkSpelling(path)).toThrow("path: expected UTF-8");
    },
  );
});

test("a query that cannot be decoded is refused too", () => {
  expect(() => checkEscapes("query", "?user=Zo%EB")).toThrow("query: expected UTF-8");
  expect(() => checkEscapes("query", "?user=Zo%C3%AB&channel=a+b")).not.toThrow();
});
