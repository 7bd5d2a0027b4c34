import type { ServerWebSocket } from "bun";
import { type CloseReason, closeTable } from "../../../protocol/close-codes.ts";
import type { Connection, Outcome } from "../../session/connection.ts";
import type { Encoded, WireForm } from "../../session/wire-form.ts";

/** Above this the socket counts as full: one more chunk keeps a slow line busy until the next turn. */
const fullBytes = 64 * 1024;
/** Above this nothing more is taken. The engine's own limit lies beyond it and is never met: there it drops silently. */
export const refuseBytes = 1024 * 1024;
/** RFC 6455 §5.5: a close frame carries 125 bytes, two of them the code. */
const closeTextBytes = 123;

/** A WebSocket as a session sees it. */
export class SocketConnection<T> implements Connection {
  readonly wireForm: WireForm;
  onDrain: () => void = () => undefined;
  readonly #socket: ServerWebSocket<T>;
  #isFull = false;
  #isClosed = false;
  #closedBecause: CloseReason | undefined;

  constructor(socket: ServerWebSocket<T>, wireForm: WireForm) {
    this.#socket = socket;
    this.wireForm = wireForm;
  }

  /** Hot path. Several frames leave in one write. */
  send(encoded: Encoded): Outcome {
    if (this.#isClosed) return "closed";
    if (this.#isFull && this.#socket.getBufferedAmount() > refuseBytes) return "refused";
    const [only] = encoded;
    if (encoded.length === 1 && typeof only === "string") {
      if (this.#socket.sendText(only) > 0) return "sent";
    } else {
      corked.frames = encoded;
      this.#socket.cork(sendFrames);
      corked.frames = [];
    }
    this.#isFull = this.#socket.getBufferedAmount() > fullBytes;
    return this.#isFull ? "full" : "sent";
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

  /** The other side is gone. */
  gone(): void {
    this.#isClosed = true;
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
