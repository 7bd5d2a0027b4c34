import type { ClientCommand, IncomingFrame } from "../protocol/client-codec.ts";
import type { Ref } from "../protocol/frames.ts";
import type { CloseInfo } from "./close-info.ts";

/**
 * Opens one connection to the server. Returns at once, and may throw if the runtime refuses to try.
 *
 * Contract: `onFrames` is called in the order in which the server sent; `onEnd` once, after everything else, no matter which
 * side closed. Commands that were not answered before the end may or may not have arrived.
 */
export type Transport = (target: Target, events: SocketEvents) => Socket;

/** Where to connect, and as which user. */
export interface Target {
  /** The URL passed to `createClient`. Other paths are relative to it. */
  readonly url: URL;
  /** `channel`, `since`, `user_id`, `takes_over`. */
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  readonly WebSocket: WebSocketClass;
}

/** The part of a WebSocket class that is used. The browsers' own has it, and so has that of the package `ws`. */
export type WebSocketClass = new (
  url: URL,
  protocols: string[],
) => {
  onopen: unknown;
  onmessage: unknown;
  onclose: unknown;
  send(text: string): void;
  close(code: number): void;
};

export interface SocketEvents {
  /** Called with no frames for bytes that are only a heartbeat. */
  onFrames(frames: readonly IncomingFrame[]): void;
  /** This connection cannot carry out a command. A new connection with other channels must take over. */
  onOutgrown(): void;
  onEnd(closeInfo: CloseInfo): void;
}

/** Sends a command over the current connection. */
export type Send = (command: ClientCommand, ref?: Ref) => void;

/** One open connection. */
export interface Socket {
  /** After the welcome only. Never throws. A command that cannot be sent is lost, and `onEnd` follows. */
  send(command: ClientCommand, ref?: Ref): void;
  /** Closes the connection. Idempotent. */
  close(): void;
}
