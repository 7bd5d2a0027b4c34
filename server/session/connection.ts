import type { CloseReason } from "../../protocol/close-codes.ts";
import type { Encoded, WireForm } from "./wire-form.ts";

/**
 * The result of one `send`.
 * - "sent": accepted, and there is room for more.
 * - "full": accepted, but the socket has no more room: wait for `onDrain`.
 * - "refused": not accepted, nothing was sent: send it again after `onDrain`.
 * - "closed": the connection is closed; the owner's `onClose` follows.
 */
export type Outcome = "sent" | "full" | "refused" | "closed";

/**
 * Why a connection is stalled.
 * - "no-progress": the client read no buffered bytes for `SLOW_TIMEOUT`.
 * - "no-room": the buffers of all connections exceed the limit, and this client has read nothing for longest.
 */
export type StallCause = "no-progress" | "no-room";

/** Callbacks of a connection, each called in its own turn. One object serves as both, since each connection has an owner. */
export interface ConnectionOwner {
  /** Buffered bytes were sent, perhaps not all of them. */
  onDrain(): void;
  /** The owner must close the connection, or drop it to make room. */
  onStall(cause: StallCause): void;
}

/**
 * One open socket, as a session uses it.
 *
 * No member throws or waits. `send` and `close` never call back into their caller in the same turn: a flush iterates over
 * lists that a callback would modify.
 */
export interface Connection {
  readonly wireForm: WireForm;
  /** Sends `encoded` in one write, or not at all. */
  send(encoded: Encoded): Outcome;
  /** Bytes buffered in this process; 0 once everything is handed to the kernel. */
  buffered(): number;
  /**
   * First sends buffered bytes, if the transport can. Idempotent.
   * @param cursor the session's positions, for a wire form that carries them
   */
  close(reason: CloseReason, cursor?: string): void;
  /** Closes and frees the buffer at once, so the client may not see the reason. Idempotent. */
  drop(reason: CloseReason): void;
  /** Finds out soon whether its client is still there: a new connection was refused because of this one. */
  probe(): void;
  /** Set once, when its session begins. */
  owner: ConnectionOwner | undefined;
}
