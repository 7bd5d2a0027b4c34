import type { CloseReason } from "../../protocol/close-codes.ts";
import type { Encoded, WireForm } from "./wire-form.ts";

/**
 * What became of one `send`.
 * - "sent": taken, and there is room for more.
 * - "full": taken, but the socket has no more room: wait for `onDrain`.
 * - "refused": not taken, nothing of it was sent: say it again after `onDrain`.
 * - "closed": there is nobody any more; `onClose` of the owner follows by itself.
 */
export type Outcome = "sent" | "full" | "refused" | "closed";

/**
 * Why a connection holds bytes for too long.
 * - "no-progress": the other side read none of them for `SLOW_TIMEOUT`.
 * - "no-room": what waits for all connections is too much, and this one has read nothing for longest.
 */
export type StallCause = "no-progress" | "no-room";

/**
 * One open socket as a session sees it.
 *
 * No member throws or waits. `send` and `close` never call back in the same turn into what called them: a flush walks over
 * lists that a callback would change under its feet.
 */
export interface Connection {
  readonly wireForm: WireForm;
  /** All of `encoded` in one write, or nothing of it. */
  send(encoded: Encoded): Outcome;
  /** Bytes that wait in this process; 0 when all is with the kernel. */
  buffered(): number;
  /**
   * Sends what is buffered first, where the transport can. Idempotent.
   * @param cursor where the session stands, for a wire form that carries it
   */
  close(reason: CloseReason, cursor?: string): void;
  /** Closes and frees what is buffered at once, so the other side may not see the reason. Idempotent. */
  drop(reason: CloseReason): void;
  /** Set by the owner; called whenever buffered bytes have left, perhaps not all of them. */
  onDrain: () => void;
  /** Set by the owner, who closes the connection, or drops it where there is no room. */
  onStall: (cause: StallCause) => void;
}
