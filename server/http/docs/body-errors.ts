import type { ErrorCode } from "../../../protocol/errors.ts";

/** What may be wrong with the body of any request. See `readBody`. */
export const bodyErrors: readonly ErrorCode[] = [
  "bad-request",
  "unsupported-media-type",
  "too-large",
  "request-timeout",
];
