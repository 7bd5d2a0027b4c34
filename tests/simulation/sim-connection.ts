import { type CloseReason, closeTable } from "../../protocol/close-codes.ts";
import type { Backlog } from "../../server/session/backlog.ts";
import type { Connection, ConnectionOwner, Outcome, StallCause } from "../../server/session/connection.ts";
import type { WheelMember } from "../../server/session/wheel.ts";
import type { Encoded, WireForm } from "../../server/session/wire-form.ts";
import type { Wire } from "./wire.ts";

/** The capacity of a socket, bytes. */
export interface SocketRoom {
  /** The buffers of both kernels and the network: what fits here has left the process. */
  readonly windowBytes: number;
  readonly fullBytes: number;
  readonly refuseBytes: number;
}

/** The client's end of a connection. */
export interface ClientEnd {
  /** One text frame. Its bytes leave the window when `read` is called. */
  onText(text: string, read: () => void): void;
  onPing(): void;
  onClose(code: number, reason: string): void;
}

interface Parts {
  readonly wire: Wire;
  readonly client: ClientEnd;
  readonly backlog: Backlog;
  readonly room: SocketRoom;
}

type Write = { readonly texts: readonly string[]; readonly bytes: number };

/** The server's end of a simulated socket. Unread data fills the window first, then the buffer of the process. */
export class SimConnection implements Connection {
  readonly wireForm: WireForm;
  owner: ConnectionOwner | undefined;
  next: WheelMember | undefined;
  previous: WheelMember | undefined;
  /** Called when it is to find out whether its client is there. */
  onProbe: () => void = () => undefined;
  /** Called when this end has closed. */
  onClosed: () => void = () => undefined;
  readonly #parts: Parts;
  #queue: Write[] = [];
  #queuedBytes = 0;
  #windowBytes = 0;
  #goodbye: CloseReason | undefined;
  #isGone = false;

  constructor(wireForm: WireForm, parts: Parts) {
    this.wireForm = wireForm;
    this.#parts = parts;
  }

  send(encoded: Encoded): Outcome {
    const { room } = this.#parts;
    if (this.#isGone || this.#goodbye !== undefined) return "closed";
    if (this.#queuedBytes > room.refuseBytes) return "refused";
    const texts = encoded.filter((it) => typeof it === "string");
    const bytes = texts.reduce((sum, it) => sum + it.length, 0);
    this.#queue.push({ texts, bytes });
    this.#queuedBytes += bytes;
    this.#transmit();
    if (this.#queuedBytes > 0) this.#note();
    return this.#queuedBytes > room.fullBytes ? "full" : "sent";
  }

  buffered(): number {
    return this.#isGone || this.#goodbye !== undefined ? 0 : this.#queuedBytes;
  }

  onDrain(): void {
    this.owner?.onDrain();
  }

  onStall(cause: StallCause): void {
    this.owner?.onStall(cause);
  }

  probe(): void {
    this.onProbe();
  }

  ping(): void {
    const { wire, client } = this.#parts;
    if (!this.#isGone) wire.toNear(() => client.onPing());
  }

  close(reason: CloseReason): void {
    if (this.#isGone || this.#goodbye !== undefined) return;
    this.#goodbye = reason;
    this.#transmit();
    this.onClosed();
  }

  drop(reason: CloseReason): void {
    if (this.#isGone || this.#goodbye !== undefined) return;
    this.#goodbye = reason;
    this.#queue = [];
    this.#parts.wire.closeFar();
    this.onClosed();
  }

  /** The client's end is gone. */
  gone(): void {
    this.#isGone = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#note();
  }

  #transmit(): void {
    const { wire, client, room } = this.#parts;
    while (this.#windowBytes < room.windowBytes) {
      const write = this.#queue.shift();
      if (write === undefined) break;
      this.#queuedBytes -= write.bytes;
      this.#windowBytes += write.bytes;
      for (const text of write.texts) wire.toNear(() => client.onText(text, () => this.#read(text.length)));
    }
    if (this.#goodbye !== undefined && this.#queue.length === 0 && wire.isFarOpen) {
      const { code, reason } = closeTable[this.#goodbye.name];
      const text = this.#goodbye.text ?? reason;
      wire.toNear(() => client.onClose(code, text));
      wire.closeFar();
    }
  }

  /** The client has read these bytes. The server notices after the network's latency. */
  #read(bytes: number): void {
    this.#windowBytes -= bytes;
    if (this.#queue.length === 0) return;
    this.#parts.wire.toFar(() => {
      const before = this.#queuedBytes;
      this.#transmit();
      if (this.#isGone || this.#goodbye !== undefined || this.#queuedBytes >= before) return;
      this.#note();
      this.onDrain();
    });
  }

  #note(): void {
    this.#parts.backlog.note(this, this.buffered());
  }
}
