import { decodeServerFrames, type IncomingFrame } from "../../../protocol/client-codec.ts";
import type { Process } from "../process.ts";
import type { ClientEnd } from "../sim-connection.ts";
import type { ServerEnd, SimHandshake, SimNode } from "../sim-node.ts";
import { type Route, Wire } from "../wire.ts";

/** What a client hears over its connection. */
export interface LinkEvents {
  onFrames(frames: readonly IncomingFrame[]): void;
  onPing?(): void;
  /** Once. */
  onEnd(code: number, reason: string): void;
}

/** The frames in a piece of an event stream. */
function decodeStream(text: string): readonly IncomingFrame[] {
  return text.split("\n").flatMap((line) => (line.startsWith("data: ") ? decodeServerFrames(line.slice(6)) : []));
}

/** The state of one client's network and machine. */
export interface ClientLine {
  readonly process: Process;
  readonly route: Route;
  /** False: what arrives is not read, and fills the buffers. */
  isReading: boolean;
}

/** One WebSocket of a client, from the handshake to its end. */
export class Link implements ClientEnd {
  readonly wire: Wire;
  readonly #line: ClientLine;
  readonly #events: LinkEvents;
  readonly #decode: (text: string) => readonly IncomingFrame[];
  #server: ServerEnd | undefined;
  #unread: (() => void)[] = [];
  #isOver = false;

  constructor(line: ClientLine, node: SimNode, handshake: SimHandshake, events: LinkEvents) {
    this.#line = line;
    this.#events = events;
    this.#decode = handshake.isStream === true ? decodeStream : decodeServerFrames;
    this.wire = new Wire(line.process, node.process, line.route, line.process.dice);
    this.wire.onNearEnd = () => this.onClose(1006, "the connection broke");
    this.wire.toFar(() => {
      if (node.isReady && !node.isLeaving) {
        this.#server = node.accept(handshake, this.wire, this);
        return;
      }
      this.wire.toNear(() => this.onClose(1006, "refused"));
      this.wire.closeFar();
    });
    // A dead machine answers nothing: the attempt times out by itself.
  }

  say(text: string): void {
    this.wire.toFar(() => this.#server?.hear(text));
  }

  close(): void {
    if (this.#isOver) return;
    this.wire.closeNear();
    this.#line.process.setImmediate(() => this.#end(1000, "closed by the client"));
  }

  onText(text: string, read: () => void): void {
    this.#take(() => {
      read();
      this.#line.process.timeline.note(text);
      if (!this.#isOver) this.#events.onFrames(this.#decode(text));
    });
  }

  onPing(): void {
    this.#take(() => {
      this.#events.onPing?.();
      this.wire.toFar(() => this.#server?.pong());
    });
  }

  onClose(code: number, reason: string): void {
    this.#take(() => {
      this.wire.closeNear();
      this.#end(code, reason);
    });
  }

  /** The client reads again. */
  readOn(): void {
    while (this.#line.isReading) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      next();
    }
  }

  #take(read: () => void): void {
    if (this.#line.isReading && this.#unread.length === 0) read();
    else this.#unread.push(read);
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onEnd(code, reason);
  }
}
