import { describe, expect, test } from "bun:test";
import { closeTable, isFinal } from "./close-codes.ts";
import { errorTable, isRetryable, ServiceError } from "./errors.ts";
import { limits } from "./limits.ts";
import { texts } from "./texts.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

describe("the table of errors", () => {
  test.each(Object.entries(errorTable))(
    "%s is retryable if and only if its status is",
    (code, { status, retry, meaning }) => {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(status).toBeWithin(400, 600);
      // RFC 9110 §15.5.9. Too many channels or schedules are the exception: waiting alone does not help.
      const isLasting = code.startsWith("too-many-");
      expect<boolean>(retry).toBe(!isLasting && (status === 408 || status === 429 || status >= 500));
      expect(isRetryable(code)).toBe(retry);
      expect(meaning).toEndWith(".");
    },
  );

  test.each(["", "constructor", "toString", "__proto__", "of-another-version"])(
    "the unlisted code %p is not retryable",
    (code) => {
      expect(isRetryable(code)).toBe(false);
    },
  );

  test("a refusal carries its field, its retry time and its cause, and has no cause by default", () => {
    const cause = new Error("deeper");
    const refusal = new ServiceError("rate-limited", "slower", { field: "message", retryAfterMs: 800, cause });
    expect(refusal).toMatchObject({ name: "ServiceError", code: "rate-limited", message: "slower" });
    expect([refusal.field, refusal.retryAfterMs, refusal.cause]).toEqual(["message", 800, cause]);
    expect("cause" in new ServiceError("forbidden", "no")).toBe(false);
  });
});

describe("the table of close codes", () => {
  const entries = Object.entries(closeTable);

  test("contains each code once", () => {
    expect(new Set(entries.map(([, { code }]) => code)).size).toBe(entries.length);
  });

  test.each(entries)("%s has a code in the range that says whether to reconnect", (_, { code, reconnect, reason }) => {
    // For 1000 the client decides.
    expect<boolean>(isFinal(code)).toBe(!reconnect && code !== 1000);
    if (code >= 4000) expect<boolean>(reconnect).toBe(code < 4500);
    expect(bytesOf(reason)).toBeLessThanOrEqual(123); // RFC 6455 §5.5
  });

  test.each(entries)("%s has a code that an endpoint may send", (_, { code }) => {
    expect((code >= 1000 && code <= 1014) || (code >= 4000 && code <= 4999)).toBe(true);
    expect([1004, 1005, 1006]).not.toContain(code);
  });

  test.each([
    [1005, true],
    [1006, true],
    [1013, true],
    [4000, true],
    [4499, true],
    [4500, false],
    [4999, false],
  ])("a client that receives the unlisted code %d reconnects: %p", (code, reconnect) => {
    expect(isFinal(code)).toBe(!reconnect);
  });
});

describe("the limits", () => {
  test("are positive integers", () => {
    expect(Object.values(limits).filter((limit) => !Number.isInteger(limit) || limit < 1)).toEqual([]);
  });

  test("allow the default history length", () => {
    expect(limits.historyDefault).toBeLessThanOrEqual(limits.historyLimit);
  });
});

describe("the messages for people", () => {
  test("round the remaining time up to whole seconds", () => {
    expect(texts.draining(1)).toContain("within 1 s");
    expect(texts.draining(1_800_000)).toContain("within 1800 s");
  });

  test("name one missing message, or the first and the last of several", () => {
    expect([texts.gap(7, 7), texts.gap(7, 9)]).toEqual([
      "Message 7 is no longer available.",
      "Messages 7 to 9 are no longer available.",
    ]);
  });
});
