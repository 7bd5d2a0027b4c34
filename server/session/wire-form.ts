import type { ServerFrame } from "../../protocol/frames.ts";
import type { Outgoing } from "./push.ts";

/** What leaves in one write: frames of a WebSocket, or chunks of a stream. */
export type Encoded = readonly (string | Uint8Array)[];

/**
 * How publications look on one transport. A batch is encoded once per form, however many sessions get it; so a form holds
 * no state, and there is one object of it per process.
 */
export interface WireForm {
  /** Whether each write ends with the session's own cursor (SSE's `id:`); such a form is always asked to `join`. */
  readonly carriesCursor: boolean;
  /** A run of publications of one channel, at least one. Hot path. */
  encode(items: readonly Outgoing[]): Encoded;
  /** Any other frame. */
  frame(frame: ServerFrame): Encoded;
  /** What one session gets in one flush, over all its channels. Hot path. @param cursor "" where the form carries none. */
  join(parts: readonly Encoded[], cursor: string): Encoded;
}
