import { expect, test } from "bun:test";
import { bearerOf } from "./bearer.ts";

test.each([
  ["Bearer abc", "abc"],
  ["bearer abc", "abc"],
  ["BEARER    abc  ", "abc"],
  ["Bearer a b", "a b"],
])("%j carries %j", (header, credential) => {
  expect(bearerOf(header)).toBe(credential);
});

test.each([[null], [""], ["Bearer"], ["Bearer "], ["Bearer    "], ["Bearerabc"], ["Basic abc"], [" Bearer"]])(
  "%j carries nothing",
  (header) => {
    expect(bearerOf(header)).toBeUndefined();
  },
);
