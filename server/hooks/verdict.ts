import type { PostAnswer } from "./post.ts";

/** An application's answer to a question. */
export type Verdict =
  | { readonly isAllowed: true; readonly maxAgeMs: number }
  | {
      readonly isAllowed: false;
      /** For the client; undefined if the application gave none. */
      readonly reason: string | undefined;
      readonly maxAgeMs: number;
    };

const maxReason = 200;
/** A day. */
const longestAgeS = 86_400;

/**
 * Parses an answer: `{"allow": true, "max_age_s": 60}` or `{"allow": false, "reason": "…"}`. The statuses 401 and 403 mean no,
 * whatever the body is.
 * @throws Error for any other answer, which counts as no answer
 */
export function parseVerdict({ status, text }: PostAnswer): Verdict {
  const isRefusal = status === 401 || status === 403;
  if (status !== 200 && !isRefusal) throw new Error(`expected status 200, got ${status}`);
  const fields = objectIn(text);
  if (fields === undefined && !isRefusal) throw new Error("expected a JSON object");
  const { allow, reason, max_age_s: maxAge = 0 } = fields ?? {};
  if (!isRefusal && typeof allow !== "boolean") throw new Error("allow: expected true or false");
  if (typeof maxAge !== "number" || !(maxAge >= 0 && maxAge <= longestAgeS)) {
    throw new Error(`max_age_s: expected a number from 0 to ${longestAgeS}`);
  }
  const maxAgeMs = maxAge * 1000;
  if (allow === true && !isRefusal) return { isAllowed: true, maxAgeMs };
  return { isAllowed: false, reason: typeof reason === "string" ? onOneLine(reason) : undefined, maxAgeMs };
}

function objectIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined; // the caller reports it
  }
}

/** It becomes part of a close frame or header, which must not contain line breaks or control characters. */
function onOneLine(reason: string): string | undefined {
  const line = reason
    .slice(0, maxReason)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, " ")
    .trim();
  return line === "" ? undefined : line;
}
