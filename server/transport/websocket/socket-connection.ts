import type { ServerWebSocket } from "bun";
import { type CloseReason, closeTable } from "../../../protocol/close-codes.ts";
import type { Backlog } from "../../session/backlog.ts";
import type { Connection, Outcome, StallCause } from "../../session/connection.ts";
import type { Encoded, WireForm } from "../../session/wire-form.ts";
import { fullBytes } from "./write-limits.ts";

/** RFC 6455 §5.5: a close frame carries 125 bytes, two of them the code. */
const closeTextBytes = 123;

/** What a socket's connection is given by its transport. */
export interface SocketParts {
  readonly backlog: Backlog;
  /** Above this nothing more is taken. */
  readonly refuseBytes: number;
}

/** A WebSocket as a session sees it. */
export class SocketConnection<T> implements Connection {
  readonly wireForm: WireForm;
  onDrain: () => void = () => undefined;
  onStall: (cause: StallCause) => void = () => undefined;
  readonly #socket: ServerWebSocket<T>;
  readonly #parts: SocketParts;
  /** What the backlog was told of last. */
  #held = 0;
  #isClosed = false;
  #closedBecause: CloseReason | undefined;

  constructor(socket: ServerWebSocket<T>, wireForm: WireForm, parts: SocketParts) {
    this.#socket = socket;
    this.#parts = parts;
    this.wireForm = wireForm;
  }

  /** Hot path. Several frames leave in one write. */
  send(encoded: Encoded): Outcome {
    if (this.#isClosed) return "closed";
    if (this.#held > 0 && this.#noteHeld() > this.#parts.refuseBytes) return "refused";
    const [only] = encoded;
    if (encoded.length === 1 && typeof only === "string") {
      if (this.#socket.sendText(only) > 0) {
        if (this.#held > 0) this.#emptied();
        return "sent";
      }
    } else {
      corked.frames = encoded;
      this.#socket.cork(sendFrames);
      corked.frames = [];
    }
    const before = this.#held;
    const held = this.#noteHeld();
    if (this.#isClosed) return "closed";
    if (before > 0 && held === 0) this.#emptied();
    return held > fullBytes ? "full" : "sent";
  }

  /** The engine wrote something, or answered a ping by itself: what waits has changed. */
  noteHeld(): void {
    if (!this.#isClosed) this.#noteHeld();
  }

  /** Some of what waited was written. */
  drained(): void {
    if (this.#isClosed) return;
    const held = this.#socket.getBufferedAmount();
    // As much may have been added meanwhile: it is progress all the same.
    if (held > 0 && this.#held > 0) this.#parts.backlog.progress(this, held);
    else if (held !== this.#held) this.#parts.backlog.note(this, held);
    this.#held = held;
    this.onDrain();
  }

  buffered(): number {
    return this.#isClosed ? 0 : this.#socket.getBufferedAmount();
  }

  ping(): void {
    if (!this.#isClosed) this.#socket.ping();
  }

  /** Why this side ended it, if it did. */
  get closedBecause(): CloseReason | undefined {
    return this.#closedBecause;
  }

  /** What is buffered goes first: the engine sends the close frame behind it. */
  close(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closedBecause = reason;
    const { code, reason: usual } = closeTable[reason.name];
    this.#socket.close(code, cut(reason.text ?? usual));
  }

  drop(reason: CloseReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closedBecause = reason;
    this.#socket.terminate();
  }

  /** The other side is gone, or the engine writes what is left by itself, for some seconds at most. */
  gone(): void {
    this.#isClosed = true;
    if (this.#held > 0) this.#parts.backlog.note(this, 0);
    this.#held = 0;
  }

  /**
   * This write took along all that waited: the kernel had room, but less than what it reports as such. The engine says
   * nothing of it, so the owner is told here, when the turn of this write is over.
   */
  #emptied(): void {
    this.#held = 0;
    this.#parts.backlog.note(this, 0);
    queueMicrotask(() => {
      if (!this.#isClosed) this.onDrain();
    });
  }

  #noteHeld(): number {
    const held = this.#socket.getBufferedAmount();
    if (held !== this.#held) {
      this.#held = held;
      this.#parts.backlog.note(this, held);
    }
    return held;
  }
}

/** What `sendFrames` sends. One for all sockets, since it runs inside of `cork`: none is made per write or per socket. */
const corked: { frames: Encoded } = { frames: [] };

function sendFrames<T>(socket: ServerWebSocket<T>): void {
  for (const frame of corked.frames) if (typeof frame === "string") socket.sendText(frame);
}

/** At most 123 bytes of UTF-8, never half a character. */
function cut(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(closeTextBytes));
  return text.slice(0, read);
}
