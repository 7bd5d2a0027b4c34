/**
 * Every way a connection ends. Below 4500 a client comes back (but for the broken frames), from 4500 on it does not.
 * The page docs/close-codes.md is made from this table.
 */
export const closeTable = {
  normal: { code: 1000, comeBack: false, reason: "closed by the client" },
  "going-away": { code: 1001, comeBack: true, reason: "going away" },
  "bad-framing": { code: 1002, comeBack: false, reason: "broken framing" },
  "binary-frame": { code: 1003, comeBack: false, reason: "binary frames are not understood: send text" },
  "bad-utf8": { code: 1007, comeBack: false, reason: "a text frame was not UTF-8" },
  "frame-too-large": { code: 1009, comeBack: false, reason: "a frame was over the limit" },
  internal: { code: 1011, comeBack: true, reason: "a fault of the server" },
  restarting: { code: 1012, comeBack: true, reason: "the server is restarting" },
  "bad-request": { code: 4503, comeBack: false, reason: "not this protocol" },
  "too-slow": { code: 4008, comeBack: true, reason: "reading made no progress for too long" },
  "no-pong": { code: 4009, comeBack: true, reason: "a ping was not answered" },
  "token-expired": { code: 4010, comeBack: true, reason: "the token expired" },
  "too-many": { code: 4029, comeBack: true, reason: "too many messages or connections" },
  unavailable: { code: 4053, comeBack: true, reason: "the server is draining or full" },
  "not-allowed": { code: 4500, comeBack: false, reason: "not allowed" },
  "already-connected": { code: 4501, comeBack: false, reason: "the user is already connected" },
  replaced: { code: 4502, comeBack: false, reason: "replaced by a newer connection" },
  disconnected: { code: 4504, comeBack: false, reason: "disconnected by an operator" },
} as const;

export type CloseName = keyof typeof closeTable;

/** A goodbye: which of the table, and the words that go with it (RFC 6455 §5.5: at most 123 bytes; cut by the transport). */
export interface CloseReason {
  readonly name: CloseName;
  readonly text?: string;
}

/**
 * Whether a client must stay away after this code: its own frames would break the next connection too, or the server does
 * not want it. The rule behind `comeBack` in the table, also for codes that are not listed. The exception is 1000, which is
 * for the client to decide.
 */
export function isFinal(code: number): boolean {
  return code >= 4500 || [1002, 1003, 1007, 1009].includes(code);
}
