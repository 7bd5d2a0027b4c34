import type { ServerWebSocket } from "bun";
import { type CloseReason, closeTable } from "../../../protocol/close-codes.ts";
import { addressText, type PackedAddress, packAddress } from "../../lib/packed-address.ts";
import type { Backlog } from "../../session/backlog.ts";
import type { Connection, Outcome, StallCause } from "../../session/connection.ts";
import type { Heartbeat } from "../../session/heartbeat.ts";
import type { Session } from "../../session/session.ts";
import type { WheelMember } from "../../session/wheel.ts";
import type { Encoded, WireForm } from "../../session/wire-form.ts";
import { fullBytes } from "./write-limits.ts";

/** RFC 6455 §5.5: a close frame carries 125 bytes, two of them the code. */
const closeTextBytes = 123;

/** Shared by the connections of a transport with the same wire form. */
export interface SocketParts {
  readonly wireForm: WireForm;
  readonly backlog: Backlog;
  readonly heartbeat: Pick<Heartbeat, "probe">;
  /** Above this, nothing more is accepted. */
  readonly refuseBytes: number;
}

/** The bytes that the engine buffers for a socket. */
interface Buffered {
  /** The bytes that were last reported to the backlog. */
  held: number;
  /**
   * The size of the engine's buffer. It keeps its size until it is empty, and doubles when it is too small: sockets with one
   * megabyte left of a frame of 15 MB took 10 MB each (Bun 1.4.4).
   */
  capacity: number;
}

/**
 * A WebSocket, as used by a session. There is one for each idle connection, and the engine's objects have room for eight
 * fields, then for twelve.
 */
export class SocketConnection implements Connection {
  owner: Session | undefined;
  next: WheelMember | undefined;
  previous: WheelMember | undefined;
  readonly #socket: ServerWebSocket<unknown>;
  readonly #parts: SocketParts;
  readonly #peer: PackedAddress | undefined;
  /** Undefined while the backlog knows of no buffered bytes. */
  #buffer: Buffered | undefined;
  /** Why the server closed it, or that its client has disconnected. */
  #closed: CloseReason | "gone" | undefined;

  constructor(socket: ServerWebSocket<unknown>, parts: SocketParts, peer?: string) {
    this.#socket = socket;
    this.#parts = parts;
    this.#peer = peer === undefined ? undefined : packAddress(peer);
  }

  get wireForm(): WireForm {
    return this.#parts.wireForm;
  }

  /** See Holder. */
  get peer(): string | undefined {
    return this.#peer === undefined ? undefined : addressText(this.#peer);
  }

  /** Hot path. Several frames are sent in one write. */
  send(encoded: Encoded): Outcome {
    if (this.#closed !== undefined) return "closed";
    if (this.#buffer !== undefined && this.#noteHeld() > this.#parts.refuseBytes) return "refused";
    const [only] = encoded;
    if (encoded.length === 1 && typeof only === "string") {
      if (this.#socket.sendText(only) > 0) {
        if (this.#buffer !== undefined) this.#emptied();
        return "sent";
      }
    } else {
      corked.frames = encoded;
      this.#socket.cork(sendFrames);
      corked.frames = [];
    }
    const hadBuffer = this.#buffer !== undefined;
    const held = this.#noteHeld();
    if (this.#hasClosed()) return "closed";
    if (hadBuffer && held === 0) this.#emptied();
    return held > fullBytes ? "full" : "sent";
  }

  /** The buffer may have changed: the engine wrote something, or answered a ping itself. */
  noteHeld(): void {
    if (this.#closed === undefined) this.#noteHeld();
  }

  /** The engine has written some of the buffer. */
  drained(): void {
    if (this.#closed !== undefined) return;
    const before = this.#buffer?.held ?? 0;
    const held = this.#socket.getBufferedAmount();
    this.#setHeld(held);
    // Even if as much was added meanwhile, this is progress.
    if (held > 0 && before > 0) this.#parts.backlog.progress(this, held);
    else if (held !== before) this.#parts.backlog.note(this, held);
    this.onDrain();
  }

  buffered(): number {
    return this.#closed !== undefined ? 0 : this.#socket.getBufferedAmount();
  }

  memory(): number {
    return this.#buffer?.capacity ?? 0;
  }

  onDrain(): void {
    this.owner?.onDrain();
  }

  onStall(cause: StallCause): void {
    this.owner?.onStall(cause);
  }

  probe(): void {
    this.#parts.heartbeat.probe(this);
  }

  ping(): void {
    if (this.#closed === undefined) this.#socket.ping();
  }

  /** Why the server closed it, if it did. */
  get closedBecause(): CloseReason | undefined {
    return this.#closed === "gone" ? undefined : this.#closed;
  }

  /** The engine sends the close frame after the buffered bytes. */
  close(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    const { code, reason: usual } = closeTable[reason.name];
    this.#socket.close(code, cut(reason.text ?? usual));
  }

  drop(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#socket.terminate();
  }

  /** The client has disconnected, or the engine sends the rest itself, for a few seconds at most. */
  markClosed(): void {
    this.#closed ??= "gone";
    if (this.#buffer !== undefined) this.#parts.backlog.note(this, 0);
    this.#buffer = undefined;
  }

  /**
   * This write also sent everything that was buffered: the kernel had room, but too little for the engine to report a drain.
   * So the owner is notified here, after this turn.
   */
  #emptied(): void {
    this.#buffer = undefined;
    this.#parts.backlog.note(this, 0);
    queueMicrotask(() => {
      if (this.#closed === undefined) this.onDrain();
    });
  }

  /** For code after a write, in which the engine may have closed it. */
  #hasClosed(): boolean {
    return this.#closed !== undefined;
  }

  #setHeld(held: number): void {
    if (held === 0) this.#buffer = undefined;
    else if (this.#buffer === undefined) this.#buffer = { held, capacity: held };
    else {
      this.#buffer.held = held;
      if (held > this.#buffer.capacity) this.#buffer.capacity = Math.max(held, 2 * this.#buffer.capacity);
    }
  }

  #noteHeld(): number {
    const held = this.#socket.getBufferedAmount();
    if (held !== (this.#buffer?.held ?? 0)) {
      this.#setHeld(held);
      this.#parts.backlog.note(this, held);
    }
    return held;
  }
}

/** The frames that `sendFrames` sends. One object for all sockets, because `cork` runs synchronously; nothing is allocated per write. */
const corked: { frames: Encoded } = { frames: [] };

function sendFrames(socket: ServerWebSocket<unknown>): void {
  for (const frame of corked.frames) if (typeof frame === "string") socket.sendText(frame);
}

/** At most 123 bytes of UTF-8, never splitting a character. */
function cut(text: string): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(closeTextBytes));
  return text.slice(0, read);
}
