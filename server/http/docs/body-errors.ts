import type { ErrorCode } from "../../../protocol/errors.ts";

/** Errors that the body of any request can cause. See `readBody`. */
export const bodyErrors: readonly ErrorCode[] = [
  "bad-request",
  "unsupported-media-type",
  "too-large",
  "request-timeout",
];
