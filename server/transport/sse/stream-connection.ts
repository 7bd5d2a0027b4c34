import { type CloseReason, closeTable } from "../../../protocol/close-codes.ts";
import type { Backlog } from "../../session/backlog.ts";
import type { Connection, Outcome, StallCause } from "../../session/connection.ts";
import type { Encoded } from "../../session/wire-form.ts";
import { sseComment, sseForm, sseSystemWrite } from "./sse-form.ts";

/** What the stream may hold before the socket counts as full, in characters. */
export const fullLength = 64 * 1024;
/** Above this nothing more is taken; one write may go beyond it. */
const refuseLength = 1024 * 1024;
/** The runtime takes a chunk whole, and what it has taken is counted nowhere: so a large write becomes several chunks. */
const chunkLength = 64 * 1024;
/** What a write leaves waiting in a stream that is read is gone after this turn: less than this is not worth reporting. */
const smallLength = 4 * 1024;
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
  onStall: (cause: StallCause) => void = () => undefined;
  readonly #controller: ReadableStreamDefaultController<string>;
  /** Called once when the server ends the stream. */
  readonly #onClose: () => void;
  readonly #backlog: Backlog;
  /** What the backlog was told of last. */
  #held = 0;
  #isSending = false;
  #isClosed = false;

  constructor(controller: ReadableStreamDefaultController<string>, backlog: Backlog, onClose: () => void) {
    this.#controller = controller;
    this.#backlog = backlog;
    this.#onClose = onClose;
  }

  /** Hot path. One chunk for what is not large: the runtime would write several of one turn one by one. */
  send(encoded: Encoded): Outcome {
    if (this.#isClosed) return "closed";
    const before = this.buffered();
    if (before > 0) this.#note(before); // it was read in between, or not: adding to it must not hide that
    if (before > refuseLength) return "refused";
    for (const chunk of encoded) if (typeof chunk === "string") this.#enqueue(chunk);
    const after = this.buffered();
    if (before > 0 || after > smallLength) this.#note(after);
    if (this.#isClosed) return "closed";
    return after > fullLength ? "full" : "sent";
  }

  buffered(): number {
    // A stream that is over wants nothing: its desired size is 0, or none.
    return this.#isClosed ? 0 : fullLength - (this.#controller.desiredSize ?? fullLength);
  }

  /** Called from time to time: a comment keeps proxies from closing a quiet stream. */
  comment(): void {
    const held = this.buffered();
    if (held === 0) this.send(sseComment);
    else this.#note(held);
  }

  /** Says why in a last event, since a stream has no close codes. */
  close(reason: CloseReason, cursor = ""): void {
    if (this.#isClosed) return;
    this.#enqueue(goodbye(reason, cursor, retryMs(reason)));
    this.gone();
    this.#controller.close();
    this.#onClose();
  }

  drop(): void {
    if (this.#isClosed) return;
    this.gone();
    this.#controller.error(new Error("nothing of it was read")); // the runtime cuts the connection and frees what waits
    this.#onClose();
  }

  /** The runtime took something. It says so inside of `enqueue` too, where the owner must not be called back. */
  drained(): void {
    if (this.#isSending) return;
    if (this.#held > 0) this.#note(this.buffered());
    this.onDrain();
  }

  /** The other side is gone. */
  gone(): void {
    this.#isClosed = true;
    this.#note(0);
  }

  #note(held: number): void {
    if (held === this.#held) return;
    this.#held = held;
    this.#backlog.note(this, held);
  }

  #enqueue(chunk: string): void {
    this.#isSending = true;
    if (chunk.length <= chunkLength) this.#controller.enqueue(chunk);
    else this.#enqueueParts(chunk);
    this.#isSending = false;
  }

  #enqueueParts(chunk: string): void {
    for (let from = 0; from < chunk.length; ) {
      const end = from + chunkLength;
      const to = isPairSplit(chunk, end) ? end + 1 : end;
      this.#controller.enqueue(chunk.slice(from, to));
      from = to;
    }
  }
}

/** Whether a cut here would part the two halves of one character. */
function isPairSplit(text: string, at: number): boolean {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xd800 && unit < 0xdc00 && at < text.length;
}

/** The last event of a stream. @param cursor "" where the client should keep the one it has */
export function goodbye({ name, text }: CloseReason, cursor: string, retryMs: number): string {
  const { code, reason, reconnect: mayReconnect } = closeTable[name];
  const reconnect = mayReconnect ? { reconnect_after_ms: Math.round(retryMs) } : {};
  return sseSystemWrite(
    { type: "system", event: "closing", code, reason: text ?? reason, ...reconnect },
    cursor,
    retryMs,
  );
}

function retryMs({ name }: CloseReason): number {
  if (!closeTable[name].reconnect) return stayAwayMs;
  const { from, to } = name === "going-away" ? resumeMs : comeBackMs;
  return from + Math.random() * (to - from);
}
