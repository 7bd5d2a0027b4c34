import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import type { Ref } from "../protocol/frames.ts";
import type { Goodbye } from "./goodbye.ts";

/**
 * Opens one connection to the server. It returns at once, and may throw where the runtime will not even try.
 *
 * The law: `onFrames` in the order in which the server sent; `onEnd` once, after everything else, whoever ended it. What
 * was sent and not answered before the end may or may not have arrived.
 */
export type Transport = (target: Target, events: SocketEvents) => Socket;

/** Where to connect, and as whom. */
export interface Target {
  /** What `createClient` was given, as it stands in a WebSocket's or a browser's address: other paths are relative to it. */
  readonly url: URL;
  /** `channel`, `since`, `user_id`, `takes_over`. */
  readonly query: URLSearchParams;
  readonly token: string | undefined;
}

export interface SocketEvents {
  /** Frames came; none where bytes came that are only a sign of life. */
  onFrames(frames: readonly IncomingFrame[]): void;
  /** This connection cannot do what was asked for: another one with other channels must take over. */
  onOutgrown(): void;
  onEnd(goodbye: Goodbye): void;
}

/** Says something over the connection that there is. */
export type Send = (command: ClientCommand, ref?: Ref) => void;

/** One open connection. */
export interface Socket {
  /** After the welcome only. Never throws; what cannot be sent is lost with the connection, whose end follows. */
  send(command: ClientCommand, ref?: Ref): void;
  /** Leaves. Idempotent. */
  close(): void;
}
