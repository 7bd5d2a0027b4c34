import type { CloseReason } from "../../../protocol/close-codes.ts";
import { goodbye } from "./stream-connection.ts";

export const streamHeaders = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-cache, no-transform",
  "X-Accel-Buffering": "no",
};

/**
 * The answer to a stream that cannot be served now: an EventSource that gets anything but 200 never reconnects. So it gets a
 * stream that says why and when to reconnect, and ends.
 */
export function tryLater(reason: CloseReason, retryMs: number): Response {
  return new Response(goodbye(reason, "", retryMs), { headers: streamHeaders });
}
