import { describe, expect, test } from "bun:test";
import { parseVerdict } from "./verdict.ts";

const answer = (status: number, body: unknown) => ({
  status,
  text: typeof body === "string" ? body : JSON.stringify(body),
  retryAfterS: undefined,
});

describe("an answer", () => {
  test.each([
    [200, { allow: true }, { isAllowed: true, maxAgeMs: 0 }],
    [200, { allow: true, max_age_s: 1.5, more: 1 }, { isAllowed: true, maxAgeMs: 1500 }],
    [200, { allow: false }, { isAllowed: false, reason: undefined, maxAgeMs: 0 }],
    [
      200,
      { allow: false, reason: " banned ", max_age_s: 60 },
      { isAllowed: false, reason: "banned", maxAgeMs: 60_000 },
    ],
    [403, "Forbidden", { isAllowed: false, reason: undefined, maxAgeMs: 0 }],
    [403, { allow: true, reason: "no" }, { isAllowed: false, reason: "no", maxAgeMs: 0 }],
    [401, "", { isAllowed: false, reason: undefined, maxAgeMs: 0 }],
  ])("%d %j is a decision", (status, body, verdict) => {
    expect(parseVerdict(answer(status, body))).toEqual(verdict as ReturnType<typeof parseVerdict>);
  });

  test.each([
    [204, "", "expected status 200, got 204"],
    [302, { allow: true }, "expected status 200, got 302"],
    [500, { allow: true }, "expected status 200, got 500"],
    [200, "", "expected a JSON object"],
    [200, "true", "expected a JSON object"],
    [200, [true], "expected a JSON object"],
    [200, {}, "allow: expected true or false"],
    [200, { allow: "false" }, "allow: expected true or false"],
    [200, { allow: true, max_age_s: -1 }, "max_age_s: expected a number from 0 to 86400"],
    [200, { allow: true, max_age_s: 86_401 }, "max_age_s: expected a number from 0 to 86400"],
    [200, { allow: true, max_age_s: "60" }, "max_age_s: expected a number from 0 to 86400"],
    [200, '{"allow":true,"max_age_s":1e999}', "max_age_s: expected a number from 0 to 86400"],
  ])("%d %j counts as none", (status, body, message) => {
    expect(() => parseVerdict(answer(status, body))).toThrow(message);
  });

  test("has a reason of one line and at most 200 characters", () => {
    const reason = `a\r\nb\u2028c\u0085d\u0000e\u202e${"x".repeat(300)}`;
    const verdict = parseVerdict(answer(200, { allow: false, reason }));
    expect(verdict).toEqual({ isAllowed: false, reason: `a b c d e ${"x".repeat(189)}`, maxAgeMs: 0 });
  });
});
