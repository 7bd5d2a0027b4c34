import { getLogger } from "@logtape/logtape";
import { textBytes } from "../lib/own-text.ts";
import { partEnd } from "../lib/text-part.ts";
import type { Backlog, Holder } from "../session/backlog.ts";

/** Characters that are sent at a time. The runtime takes a part as a whole and does not report its rest as buffered. */
const partLength = 64 * 1024;

/**
 * The body of a large response. It is sent in parts, each after the client has read the one before. The whole text counts as
 * buffered until the last part is sent, because the parts share its memory.
 */
export class LargeBody implements Holder {
  readonly stream: ReadableStream<string>;
  /** Set by the owner. Called once: everything was handed to the runtime, or the response was given up. */
  onEnd: () => void = () => undefined;
  /** Set by the owner. See Holder. */
  peer: string | undefined;
  readonly #backlog: Backlog;
  /** "" at the end. */
  #text: string;
  #bytes = 0;
  #sent = 0;
  #controller: ReadableStreamDefaultController<string> | undefined;

  constructor(text: string, backlog: Backlog) {
    this.#text = text;
    this.#backlog = backlog;
    // Nothing is queued in the stream: the runtime asks for a part when it can write it.
    this.stream = new ReadableStream<string>(
      { pull: (controller) => this.#pull(controller), cancel: () => this.#end() },
      { highWaterMark: 0 },
    );
  }

  buffered(): number {
    return this.#text.length - this.#sent;
  }

  memory(): number {
    return this.#bytes;
  }

  onStall(): void {
    getLogger(["fanfare", "http"]).info("A response was aborted because its client stopped reading");
    const controller = this.#controller;
    this.#end();
    controller?.error(new Error("the client stopped reading")); // the runtime resets the connection and frees its buffer
  }

  #pull(controller: ReadableStreamDefaultController<string>): void {
    // Counted from here on, because the body of an answer to HEAD is never read.
    this.#bytes ||= textBytes(this.#text);
    this.#controller = controller;
    const end = partEnd(this.#text, this.#sent, partLength);
    controller.enqueue(this.#text.slice(this.#sent, end));
    this.#sent = end;
    if (end < this.#text.length) {
      this.#backlog.note(this, this.buffered());
      return;
    }
    this.#end();
    controller.close();
  }

  #end(): void {
    if (this.#controller === undefined) return;
    this.#controller = undefined;
    this.#text = "";
    this.#sent = 0;
    this.#bytes = 0;
    this.#backlog.note(this, 0);
    this.onEnd();
  }
}
