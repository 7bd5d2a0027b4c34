import { expect, test } from "bun:test";
import { tokenOf } from "./user-token.ts";

const world = {
  env: { FANFARE_TOKEN: " from-env\n" },
  readText: (path: string) => ({ t: "from-file\n", e: " " })[path],
};

test.each([
  [{ token: "from-flag" }, "from-flag"],
  [{ tokenFile: "t" }, "from-file"],
  [{}, "from-env"],
])("%j wins over what comes after it", (flags, token) => {
  expect(tokenOf(flags, world)).toBe(token);
});

test("there is none where nobody gives one", () => {
  expect(tokenOf({}, { ...world, env: {} })).toBeUndefined();
  expect(tokenOf({}, { ...world, env: { FANFARE_TOKEN: "" } })).toBeUndefined();
});

test.each([
  ["nowhere", '--token-file: there is no file "nowhere"'],
  ["e", '--token-file: expected a token in "e", which is empty'],
])("a file that holds none is named: %s", (tokenFile, problem) => {
  expect(() => tokenOf({ tokenFile }, world)).toThrow(expect.objectContaining({ problems: [problem] }));
});
