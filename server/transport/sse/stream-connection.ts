import { type CloseReason, closeTable } from "../../../protocol/close-codes.ts";
import { textBytes } from "../../lib/own-text.ts";
import { partEnd } from "../../lib/text-part.ts";
import type { Backlog } from "../../session/backlog.ts";
import type { Connection, ConnectionOwner, Outcome, StallCause } from "../../session/connection.ts";
import type { WheelMember } from "../../session/wheel.ts";
import type { Encoded } from "../../session/wire-form.ts";
import { sseComment, sseForm, sseSystemWrite } from "./sse-form.ts";

/** How many characters the stream may buffer before the socket counts as full. */
export const fullLength = 64 * 1024;
/** Above this, nothing more is accepted. A single write may exceed it. */
const refuseLength = 1024 * 1024;
/** The runtime takes a chunk as a whole and does not report its rest as buffered, so large writes are split. */
const chunkLength = 64 * 1024;
/** If the client reads, the rest of a write is sent by the end of the turn; less than this is not worth reporting. */
const smallLength = 4 * 1024;
/** The reconnect delay after the server ended a stream: random, so that many clients do not reconnect together. Milliseconds. */
const reconnectMs = { from: 500, to: 5000 };
/** The same after a stream reached its lifetime; lifetimes are spread already. */
const resumeMs = { from: 20, to: 100 };
/** The end of a stream cannot stop an EventSource for good; a delay of a day comes closest. Milliseconds. */
const neverReconnectMs = 86_400_000;

/** Dependencies of a stream, from its transport. */
export interface StreamParts {
  readonly backlog: Backlog;
  /** See Holder. */
  readonly peer: string | undefined;
  /** Called once when the server ends the stream. */
  onClose(): void;
  /** See Connection. */
  onProbe(): void;
}

/** An event stream, as used by a session. */
export class StreamConnection implements Connection {
  readonly wireForm = sseForm;
  owner: ConnectionOwner | undefined;
  next: WheelMember | undefined;
  previous: WheelMember | undefined;
  readonly #controller: ReadableStreamDefaultController<string>;
  readonly #parts: StreamParts;
  /** The bytes that were last reported to the backlog. */
  #held = 0;
  /** The memory of large writes, whose parts share it: it is freed with the last part. */
  #largeBytes = 0;
  #isSending = false;
  #isClosed = false;

  constructor(controller: ReadableStreamDefaultController<string>, parts: StreamParts) {
    this.#controller = controller;
    this.#parts = parts;
  }

  get peer(): string | undefined {
    return this.#parts.peer;
  }

  /** Hot path. Small writes become one chunk, because the runtime writes each chunk separately. */
  send(encoded: Encoded): Outcome {
    if (this.#isClosed) return "closed";
    const before = this.buffered();
    if (before > 0) this.#note(before); // report progress, or the lack of it, before adding more
    if (before > refuseLength) return "refused";
    for (const chunk of encoded) if (typeof chunk === "string") this.#enqueue(chunk);
    const after = this.buffered();
    if (before > 0 || after > smallLength) this.#note(after);
    if (this.#isClosed) return "closed";
    return after > fullLength ? "full" : "sent";
  }

  buffered(): number {
    // After the stream has ended, `desiredSize` is 0 or null.
    return this.#isClosed ? 0 : fullLength - (this.#controller.desiredSize ?? fullLength);
  }

  memory(): number {
    return Math.max(this.buffered(), this.#largeBytes);
  }

  onDrain(): void {
    this.owner?.onDrain();
  }

  onStall(cause: StallCause): void {
    this.owner?.onStall(cause);
  }

  probe(): void {
    this.#parts.onProbe();
  }

  /** Called periodically: a comment keeps proxies from closing a quiet stream. */
  comment(): void {
    const held = this.buffered();
    if (held === 0) this.send(sseComment);
    else this.#note(held);
  }

  /** Sends the reason as a last event, since a stream has no close codes. */
  close(reason: CloseReason, cursor = ""): void {
    if (this.#isClosed) return;
    this.#enqueue(closingEvent(reason, cursor, retryMs(reason)));
    this.markClosed();
    this.#controller.close();
    this.#parts.onClose();
  }

  drop(): void {
    if (this.#isClosed) return;
    this.markClosed();
    this.#controller.error(new Error("the client stopped reading")); // the runtime resets the connection and frees the buffer
    this.#parts.onClose();
  }

  /** The runtime has taken a chunk. It may call this inside `enqueue`, where the owner must not be called back. */
  drained(): void {
    if (this.#isSending) return;
    if (this.#held > 0) this.#note(this.buffered());
    this.onDrain();
  }

  /** The client has disconnected. */
  markClosed(): void {
    this.#isClosed = true;
    this.#note(0);
  }

  #note(held: number): void {
    if (held === 0) this.#largeBytes = 0;
    if (held === this.#held) return;
    this.#held = held;
    this.#parts.backlog.note(this, held);
  }

  #enqueue(chunk: string): void {
    this.#isSending = true;
    if (chunk.length <= chunkLength) this.#controller.enqueue(chunk);
    else this.#enqueueParts(chunk);
    this.#isSending = false;
  }

  #enqueueParts(chunk: string): void {
    this.#largeBytes += textBytes(chunk);
    for (let from = 0, end = 0; from < chunk.length; from = end) {
      end = partEnd(chunk, from, chunkLength);
      this.#controller.enqueue(chunk.slice(from, end));
    }
  }
}

/** The last event of a stream. @param cursor "" if the client should keep its own */
export function closingEvent({ name, text }: CloseReason, cursor: string, retryMs: number): string {
  const { code, reason, reconnect: mayReconnect } = closeTable[name];
  const reconnect = mayReconnect ? { reconnect_after_ms: Math.round(retryMs) } : {};
  return sseSystemWrite(
    { type: "system", event: "closing", code, reason: text ?? reason, ...reconnect },
    cursor,
    retryMs,
  );
}

function retryMs({ name, reconnectAfterMs }: CloseReason): number {
  if (!closeTable[name].reconnect) return neverReconnectMs;
  if (reconnectAfterMs !== undefined) return reconnectAfterMs;
  const { from, to } = name === "going-away" ? resumeMs : reconnectMs;
  return from + Math.random() * (to - from);
}
