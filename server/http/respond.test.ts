import { expect, test } from "bun:test";
import { ServiceError } from "../../protocol/errors.ts";
import { respond, respondError, respondJson } from "./respond.ts";

test.each([
  ["the answer of an operation", respond({ status: 200, body: "{}" })],
  ["JSON", respondJson({})],
  ["an error", respondError(new ServiceError("forbidden", "no"))],
  ["a temporary error", respondError(new ServiceError("rate-limited", "wait", { retryAfterMs: 1 }))],
])("%s is not cached, and its type is not sniffed", (_, { headers }) => {
  expect(headers.get("Cache-Control")).toBe("no-store");
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
});
