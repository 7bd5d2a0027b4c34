import { describe, expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { ApiKeys, type Scope, scopes } from "./api-key.ts";

const key = "5f3a9c1e7b2d4068";
const second = "d81b4e6f0a93c752";
const secured = { isSecured: true };
const none = { authorization: null, xApiKey: null };

function bearer(text: string) {
  return { authorization: `Bearer ${text}`, xApiKey: null };
}

function outcome(keys: ApiKeys, headers: Parameters<ApiKeys["check"]>[0], scope: Scope): string {
  try {
    keys.check(headers, scope);
    return "passes";
  } catch (error) {
    if (error instanceof ServiceError) return error.code;
    throw error;
  }
}

describe("a request", () => {
  const keys = new ApiKeys([key], secured);

  test.each([
    ["Authorization: Bearer", bearer(key), "passes"],
    ["bearer in other letter case", { authorization: `bearer  ${key}`, xApiKey: null }, "passes"],
    ["X-API-Key", { authorization: null, xApiKey: key }, "passes"],
    ["X-API-Key next to a proxy's password", { authorization: "Basic dTpw", xApiKey: key }, "passes"],
    [
      "X-API-Key next to another bearer token: the former counts",
      { authorization: `Bearer ${second}`, xApiKey: key },
      "passes",
    ],
    [
      "a wrong X-API-Key next to the right bearer token",
      { authorization: `Bearer ${key}`, xApiKey: second },
      "unauthorized",
    ],
    ["no key", none, "unauthorized"],
    ["an empty key", { authorization: "Bearer ", xApiKey: "" }, "unauthorized"],
    ["a wrong key", bearer(second), "unauthorized"],
    ["the beginning of a key", bearer(key.slice(0, -1)), "unauthorized"],
    ["a key with extra characters", bearer(`${key}0`), "unauthorized"],
    ["the key without Bearer", { authorization: key, xApiKey: null }, "unauthorized"],
    ["the key as Basic", { authorization: `Basic ${key}`, xApiKey: null }, "unauthorized"],
  ])("with %s", (_with, headers, expected) => {
    expect(outcome(keys, headers, "publish")).toBe(expected);
  });

  test("gets an error that says what to send and does not repeat the key", () => {
    expect(() => keys.check(none, "read")).toThrow("X-API-Key");
    expect(() => keys.check(bearer(second), "read")).not.toThrow(new RegExp(second));
  });

  test("is told if it sent a user's token instead of a key", () => {
    const token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJib2IifQ.KytHThNMf_d740TxGhpX45NYxCJPLE1klbjXFmZ";
    expect(() => keys.check(bearer(token), "read")).toThrow("an API key is required, got a user's token");
    expect(() => keys.check(bearer(`${token}.x`), "read")).toThrow("the API key is wrong");
  });
});

describe("the scopes", () => {
  test.each([
    [key, ["publish", "read", "admin"]],
    [`publish@${key}`, ["publish"]],
    [`read@${key}`, ["read"]],
    [`admin@${key}`, ["admin"]],
    [`publish+read@${key}`, ["publish", "read"]],
    [`admin+publish@${key}`, ["publish", "admin"]],
  ])("of %s are %p", (setting, granted) => {
    const keys = new ApiKeys([setting], secured);
    expect(scopes.filter((scope) => outcome(keys, bearer(key), scope) === "passes")).toEqual(granted as Scope[]);
    expect(scopes.filter((scope) => outcome(keys, bearer(key), scope) === "forbidden")).toHaveLength(
      3 - granted.length,
    );
    expect(outcome(keys, bearer(setting), "publish")).toBe(setting === key ? "passes" : "unauthorized");
  });

  test("each of several keys has its own", () => {
    const keys = new ApiKeys([`publish@${key}`, `read@${second}`], secured);
    expect(outcome(keys, bearer(key), "publish")).toBe("passes");
    expect(outcome(keys, bearer(key), "read")).toBe("forbidden");
    expect(outcome(keys, bearer(second), "read")).toBe("passes");
    expect(() => keys.check(bearer(second), "admin")).toThrow("requires a key with the scope admin; the key has read");
  });

  test("a plain key may contain a colon, even after the name of a scope", () => {
    const keys = new ApiKeys([`publish:${key}`], secured);
    expect(outcome(keys, bearer(`publish:${key}`), "admin")).toBe("passes");
    expect(outcome(keys, bearer(key), "publish")).toBe("unauthorized");
  });
});

describe("without any key", () => {
  test("an open server accepts every request, with or without a header", () => {
    const keys = new ApiKeys([], { isSecured: false });
    for (const scope of scopes) {
      expect(outcome(keys, none, scope)).toBe("passes");
      expect(outcome(keys, bearer(key), scope)).toBe("passes");
    }
  });

  test("a server secured only by tokens accepts none, and says what to configure", () => {
    const keys = new ApiKeys([], secured);
    for (const scope of scopes) expect(outcome(keys, bearer(key), scope)).toBe("unauthorized");
    for (const headers of [none, bearer(key)]) expect(() => keys.check(headers, "publish")).toThrow("set API_KEY");
  });
});

describe("a setting is an error at start that names its index and not the key, if", () => {
  test.each([
    ["the key is short", ["secret"], "API_KEY, key 1: expected at least 16 characters, got 6"],
    ["the key after its scope is short", [key, "read@secret"], "API_KEY, key 2: expected at least 16"],
    ["it is empty", [""], "got 0"],
    ["it is one character", ["a".repeat(16)], "API_KEY, key 1: expected a random key, got fewer than 6 different"],
    [
      "it is a repeated word",
      [key, "passwordpassword"],
      "API_KEY, key 2: expected a random key, got 8 characters that",
    ],
    [
      "it is ascending",
      ["read@1234567890123456"],
      "and consecutive characters, such as 12345678; make one with `openssl",
    ],
    ["no scope is before the @", [`@${key}`], "expected only scopes (publish, read, admin, joined by +)"],
    ["an unknown scope is", [`write@${key}`], "only scopes"],
    ["a key with an @ was intended", [`${key}@home`], "only scopes"],
    ["it has a second @", [`read@${key}@`], "only scopes"],
    ["a scope is repeated", [`read+read@${key}`], "only scopes"],
    ["it contains a space", [`${key} x`], "visible ASCII"],
    ["it contains a character that no header may have", [`${key}é`], "visible ASCII"],
    ["a key is listed twice", [key, `read@${key}`], "listed twice"],
  ])("%s", (_why, keys, complaint) => {
    const attempt = () => new ApiKeys(keys, secured);
    expect(attempt).toThrow(complaint);
    expect(attempt).not.toThrow(new RegExp(`${key}|secret`));
  });
});
