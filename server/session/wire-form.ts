import type { ServerFrame } from "../../protocol/frames.ts";
import type { Outgoing } from "./push.ts";

/** The parts of one write: frames of a WebSocket, or chunks of a stream. */
export type Encoded = readonly (string | Uint8Array)[];

/**
 * How publications are encoded for one transport. A batch is encoded once per form, however many sessions receive it. So a
 * form has no state, and there is one instance per process.
 */
export interface WireForm {
  /** Whether each write ends with the session's own cursor (SSE's `id:`). If so, `join` is called for every write. */
  readonly carriesCursor: boolean;
  /** Encodes publications of one channel, at least one. Hot path. */
  encode(items: readonly Outgoing[]): Encoded;
  /** Encodes any other frame. */
  frame(frame: ServerFrame): Encoded;
  /** Encodes the batches of all channels of one session in one flush. Hot path. @param cursor "" if the form has none. */
  join(parts: readonly Encoded[], cursor: string): Encoded;
}
