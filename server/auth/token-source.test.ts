import { expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { tokenFrom } from "./token-source.ts";

const jwt = "aaaa.bbbb.cccc";
const other = "dddd.eeee.ffff";

function from(query: string, authorization: string | null = null, subprotocols: readonly string[] = []) {
  return tokenFrom({ url: new URLSearchParams(query), authorization, subprotocols });
}

test.each([
  ["token= in the query", from(`token=${jwt}`)],
  ["the header Authorization", from("", `Bearer ${jwt}`)],
  ["the header in other letter case, with spaces", from("", `bearer   ${jwt} `)],
  ["a subprotocol next to fanfare.v1", from("", null, ["fanfare.v1", `fanfare.token.${jwt}`])],
  ["all three places, if they agree", from(`token=${jwt}`, `Bearer ${jwt}`, [`fanfare.token.${jwt}`])],
  ["the query, if a proxy's password is in the header", from(`token=${jwt}`, "Basic dTpw")],
])("a token is found in %s", (_place, token) => {
  expect(token).toBe(jwt);
});

test.each([
  ["nothing was sent", from("")],
  ["token= is empty", from("token=")],
  ["nothing follows Bearer", from("", "Bearer ")],
  ["the subprotocol ends before it", from("", null, ["fanfare.token."])],
  ["the header has another scheme", from("", "Basic dTpw")],
  ["the subprotocols are others", from("", null, ["fanfare.v1", "mqtt", `token.${jwt}`])],
])("no token is found if %s", (_what, token) => {
  expect(token).toBeUndefined();
});

test.each([
  ["query and header", [`token=${jwt}`, `Bearer ${other}`, []]],
  ["query and subprotocol", [`token=${jwt}`, null, [`fanfare.token.${other}`]]],
  ["header and subprotocol", ["", `Bearer ${jwt}`, [`fanfare.token.${other}`]]],
  ["two subprotocols", ["", null, [`fanfare.token.${jwt}`, `fanfare.token.${other}`]]],
] as const)("two different tokens, in %s, are rejected without repeating them", (_places, [query, header, offered]) => {
  const attempt = () => from(query, header, offered);
  expect(attempt).toThrow(ServiceError);
  expect(attempt).toThrow(/^two different tokens: send one/);
  expect(attempt).not.toThrow(/aaaa|dddd/);
});
