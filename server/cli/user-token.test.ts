import { expect, test } from "bun:test";
import { tokenOf } from "./user-token.ts";

const environment = {
  env: { FANFARE_TOKEN: " from-env\n" },
  readText: (path: string) => ({ t: "from-file\n", e: " " })[path],
};

test.each([
  [{ token: "from-flag" }, "from-flag"],
  [{ tokenFile: "t" }, "from-file"],
  [{}, "from-env"],
])("%j wins over the sources below it", (flags, token) => {
  expect(tokenOf(flags, environment)).toBe(token);
});

test("without any source there is no token", () => {
  expect(tokenOf({}, { ...environment, env: {} })).toBeUndefined();
  expect(tokenOf({}, { ...environment, env: { FANFARE_TOKEN: "" } })).toBeUndefined();
});

test.each([
  ["nowhere", '--token-file: there is no file "nowhere"'],
  ["e", '--token-file: expected a token in "e", which is empty'],
])("rejects a missing or empty file: %s", (tokenFile, problem) => {
  expect(() => tokenOf({ tokenFile }, environment)).toThrow(expect.objectContaining({ problems: [problem] }));
});
