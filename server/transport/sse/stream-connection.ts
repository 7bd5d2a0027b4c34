import { type CloseReason, closeTable } from "../../../protocol/close-codes.ts";
import type { Connection, Outcome } from "../../session/connection.ts";
import type { Encoded } from "../../session/wire-form.ts";
import { sseComment, sseForm, sseRetry } from "./sse-form.ts";

/** What the stream may hold before the socket counts as full, in characters. */
export const fullLength = 64 * 1024;
/** Above this nothing more is taken. */
const refuseLength = 1024 * 1024;
/** Where a browser is to come back: somewhere in this range, so that many do not come together. Milliseconds. */
const comeBackMs = { from: 500, to: 5000 };
/** An EventSource cannot be told to stop for good by the end of a stream; a day is the next best. Milliseconds. */
const stayAwayMs = 86_400_000;

/** An event stream as a session sees it. */
export class StreamConnection implements Connection {
  readonly wireForm = sseForm;
  onDrain: () => void = () => undefined;
  readonly #controller: ReadableStreamDefaultController<string>;
  /** Called once when the server ends the stream. */
  readonly #onClose: () => void;
  #isSending = false;
  #isClosed = false;

  constructor(controller: ReadableStreamDefaultController<string>, onClose: () => void) {
    this.#controller = controller;
    this.#onClose = onClose;
  }

  /** Hot path. One chunk per call: the runtime would write several of one turn one by one. */
  send(encoded: Encoded): Outcome {
    if (this.#isClosed) return "closed";
    if (this.buffered() > refuseLength) return "refused";
    const [chunk] = encoded;
    if (typeof chunk === "string") this.#enqueue(chunk);
    return this.buffered() > fullLength ? "full" : "sent";
  }

  buffered(): number {
    return this.#isClosed ? 0 : fullLength - (this.#controller.desiredSize ?? fullLength);
  }

  /** Keeps proxies from closing a quiet stream. */
  comment(): void {
    if (this.buffered() === 0) this.send(sseComment);
  }

  close(reason: CloseReason): void {
    if (this.#isClosed) return;
    const { from, to } = comeBackMs;
    const { comeBack } = closeTable[reason.name];
    this.#enqueue(sseRetry(comeBack ? from + Math.random() * (to - from) : stayAwayMs));
    this.#isClosed = true;
    this.#controller.close();
    this.#onClose();
  }

  /** The runtime took something. It says so inside of `enqueue` too, where the owner must not be called back. */
  drained(): void {
    if (!this.#isSending) this.onDrain();
  }

  /** The other side is gone. */
  gone(): void {
    this.#isClosed = true;
  }

  #enqueue(chunk: string): void {
    this.#isSending = true;
    this.#controller.enqueue(chunk);
    this.#isSending = false;
  }
}
