import type { CloseReason } from "../../../protocol/close-codes.ts";
import { closingEvent } from "./stream-connection.ts";

export const streamHeaders = {
  "Content-Type": "text/event-stream; charset=utf-8",
  "Cache-Control": "no-store, no-transform",
  "X-Content-Type-Options": "nosniff",
  "Cross-Origin-Resource-Policy": "same-origin",
  Vary: "Origin",
  "X-Accel-Buffering": "no",
};

/**
 * Answers a stream that cannot be served now. An EventSource that gets any status but 200 never reconnects, so it gets a
 * stream that says why and when to reconnect, and ends. The connection is closed after that, because an idle connection
 * would occupy an open file that a full server needs for other clients.
 */
export function tryLater(reason: CloseReason, retryMs: number): Response {
  return new Response(closingEvent(reason, "", retryMs), { headers: { ...streamHeaders, Connection: "close" } });
}
