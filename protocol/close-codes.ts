/**
 * Every reason for which a connection is closed. Clients reconnect after codes below 4500, except for broken frames, and do
 * not reconnect from 4500 on. docs/close-codes.md is generated from this table.
 */
export const closeTable = {
  normal: { code: 1000, reconnect: false, reason: "closed by the client" },
  "going-away": { code: 1001, reconnect: true, reason: "going away" },
  "bad-framing": { code: 1002, reconnect: false, reason: "invalid framing" },
  "binary-frame": { code: 1003, reconnect: false, reason: "binary frames are not supported: send text" },
  "bad-utf8": { code: 1007, reconnect: false, reason: "a text frame was not valid UTF-8" },
  "frame-too-large": { code: 1009, reconnect: false, reason: "a frame exceeded the size limit" },
  internal: { code: 1011, reconnect: true, reason: "internal server error" },
  restarting: { code: 1012, reconnect: true, reason: "the server is restarting" },
  "bad-request": { code: 4503, reconnect: false, reason: "not this protocol" },
  "too-slow": { code: 4008, reconnect: true, reason: "the client was too slow to read" },
  "no-pong": { code: 4009, reconnect: true, reason: "a ping was not answered" },
  "token-expired": { code: 4010, reconnect: true, reason: "the token expired" },
  "too-many": { code: 4029, reconnect: true, reason: "too many messages or connections" },
  unavailable: { code: 4053, reconnect: true, reason: "the server is draining or full" },
  "not-allowed": { code: 4500, reconnect: false, reason: "not allowed" },
  "already-connected": { code: 4501, reconnect: false, reason: "the user is already connected" },
  replaced: { code: 4502, reconnect: false, reason: "replaced by a newer connection" },
  disconnected: { code: 4504, reconnect: false, reason: "disconnected by an operator" },
} as const;

export type CloseName = keyof typeof closeTable;

/** Why a connection is closed. `text` is sent with the code (RFC 6455 §5.5: at most 123 bytes; the transport truncates it). */
export interface CloseReason {
  readonly name: CloseName;
  readonly text?: string;
  /** When the client of an event stream should reconnect, if that is already known. A WebSocket has no field for it. */
  readonly reconnectAfterMs?: number;
}

/**
 * Whether a client must not reconnect after this code: its own frames would break the next connection too, or the server
 * rejects it. Also defined for codes that are not in the table. After 1000 the client decides, so it is not final here.
 */
export function isFinal(code: number): boolean {
  return code >= 4500 || [1002, 1003, 1007, 1009].includes(code);
}
