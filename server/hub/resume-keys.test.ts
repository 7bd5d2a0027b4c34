import { expect, test } from "bun:test";
import { ResumeKeys } from "./resume-keys.ts";

const secret = new Uint8Array(32).fill(7);

test("a key identifies its connection on every worker with the same secret", () => {
  const key = new ResumeKeys(secret).keyOf("c_1");
  expect(new ResumeKeys(secret).connectionOf(key)).toBe("c_1");
});

test("rejects a key of another server", () => {
  expect(new ResumeKeys().connectionOf(new ResumeKeys().keyOf("c_1"))).toBeUndefined();
});

test.each([
  ["nothing", ""],
  ["a name alone", "c_1"],
  ["a name without a signature", "c_1."],
  ["a signature of another name", `c_2.${new ResumeKeys(secret).keyOf("c_1").split(".")[1]}`],
  ["a truncated signature", new ResumeKeys(secret).keyOf("c_1").slice(0, -1)],
  ["a signature with trailing characters", `${new ResumeKeys(secret).keyOf("c_1")}AAAA`],
  ["a signature without a name", `.${new ResumeKeys(secret).keyOf("").split(".")[1]}`],
  ["text that is not base64url", "c_1.ä ö ü"],
])("rejects %s", (_, key) => {
  expect(new ResumeKeys(secret).connectionOf(key)).toBeUndefined();
});

test("a key is short enough for a URL, and unique to its connection", () => {
  const keys = new ResumeKeys();
  expect(keys.keyOf("c_0123456789abcdef").length).toBeLessThanOrEqual(64);
  expect(keys.keyOf("c_1")).not.toBe(keys.keyOf("c_2"));
});
