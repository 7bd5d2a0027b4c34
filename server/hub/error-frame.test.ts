import { expect, test } from "bun:test";
import { type ErrorCode, errorTable, ServiceError } from "../../protocol/errors.ts";
import { errorFrame } from "./error-frame.ts";

test.each(Object.entries(errorTable))("%s has retry_after_ms if and only if a retry may succeed", (code, { retry }) => {
  const frame = errorFrame(new ServiceError(code as ErrorCode, "why"));
  expect("retry_after_ms" in frame).toBe(retry);
});

test("says when to retry if the server knows, and 0 if it does not", () => {
  expect(errorFrame(new ServiceError("rate-limited", "slower", { retryAfterMs: 800 })).retry_after_ms).toBe(800);
  expect(errorFrame(new ServiceError("broker-unavailable", "later")).retry_after_ms).toBe(0);
  expect(errorFrame(new ServiceError("invalid-field", "id: too long", { field: "id" }))).toEqual({
    type: "error",
    code: "invalid-field",
    message: "id: too long",
    field: "id",
  });
});
