import { type CloseReason, closeTable } from "../../../protocol/close-codes.ts";
import type { Connection, Outcome } from "../../session/connection.ts";
import type { Encoded } from "../../session/wire-form.ts";
import { sseComment, sseForm, sseSystemWrite } from "./sse-form.ts";

/** What the stream may hold before the socket counts as full, in characters. */
export const fullLength = 64 * 1024;
/** Above this nothing more is taken. */
const refuseLength = 1024 * 1024;
/** When a client reconnects after the server ended its stream: a random time, so that many do not return together. Milliseconds. */
const comeBackMs = { from: 500, to: 5000 };
/** The same for a stream whose lifetime is over: lifetimes are spread already. */
const resumeMs = { from: 20, to: 100 };
/** The end of a stream cannot tell an EventSource to stop for good; a day is the next best. Milliseconds. */
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

  /** Says why in a last event, since a stream has no close codes. */
  close(reason: CloseReason, cursor = ""): void {
    if (this.#isClosed) return;
    this.#enqueue(goodbye(reason, cursor, retryMs(reason)));
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

/** The last event of a stream. @param cursor "" where the client should keep the one it has */
export function goodbye({ name, text }: CloseReason, cursor: string, retryMs: number): string {
  const { code, reason, comeBack } = closeTable[name];
  const reconnect = comeBack ? { reconnect_after_ms: Math.round(retryMs) } : {};
  return sseSystemWrite(
    { type: "system", event: "closing", code, reason: text ?? reason, ...reconnect },
    cursor,
    retryMs,
  );
}

function retryMs({ name }: CloseReason): number {
  if (!closeTable[name].comeBack) return stayAwayMs;
  const { from, to } = name === "going-away" ? resumeMs : comeBackMs;
  return from + Math.random() * (to - from);
}
