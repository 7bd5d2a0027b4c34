import { decodeServerFrames, type IncomingFrame } from "../../../protocol/client-codec.ts";
import type { Process } from "../process.ts";
import type { ClientEnd } from "../sim-connection.ts";
import type { ServerEnd, SimHandshake, SimNode } from "../sim-node.ts";
import { type Route, Wire } from "../wire.ts";

/** The events of one connection. */
export interface LinkEvents {
  onFrames(frames: readonly IncomingFrame[]): void;
  onPing?(): void;
  /** Once. */
  onEnd(code: number, reason: string): void;
}

/** @returns the frames in one write of an event stream */
function decodeStream(text: string): readonly IncomingFrame[] {
  return text.split("\n").flatMap((line) => (line.startsWith("data: ") ? decodeServerFrames(line.slice(6)) : []));
}

/** The machine of one client and its network. */
export interface ClientHost {
  readonly process: Process;
  readonly route: Route;
  /** False: the client does not read, and the buffers fill. */
  isReading: boolean;
}

/** One connection of a client, from the handshake to its end. */
export class Link implements ClientEnd {
  readonly wire: Wire;
  readonly #host: ClientHost;
  readonly #events: LinkEvents;
  readonly #decode: (text: string) => readonly IncomingFrame[];
  #server: ServerEnd | undefined;
  #unread: (() => void)[] = [];
  #isOver = false;

  constructor(host: ClientHost, node: SimNode, handshake: SimHandshake, events: LinkEvents) {
    this.#host = host;
    this.#events = events;
    this.#decode = handshake.isStream === true ? decodeStream : decodeServerFrames;
    this.wire = new Wire(host.process, node.process, host.route, host.process.dice);
    this.wire.onNearEnd = () => this.onClose(1006, "the connection broke");
    this.wire.toFar(() => {
      if (node.isReady && !node.isLeaving) {
        this.#server = node.accept(handshake, this.wire, this);
        return;
      }
      this.wire.toNear(() => this.onClose(1006, "refused"));
      this.wire.closeFar();
    });
    // A dead machine does not answer, and the client's own timeout ends the attempt.
  }

  send(text: string): void {
    this.wire.toFar(() => this.#server?.receive(text));
  }

  close(): void {
    if (this.#isOver) return;
    this.wire.closeNear();
    this.#host.process.setImmediate(() => this.#end(1000, "closed by the client"));
  }

  onText(text: string, read: () => void): void {
    this.#whenReading(() => {
      read();
      this.#host.process.timeline.note(text);
      if (!this.#isOver) this.#events.onFrames(this.#decode(text));
    });
  }

  onPing(): void {
    this.#whenReading(() => {
      this.#events.onPing?.();
      this.wire.toFar(() => this.#server?.pong());
    });
  }

  onClose(code: number, reason: string): void {
    this.#whenReading(() => {
      this.wire.closeNear();
      this.#end(code, reason);
    });
  }

  /** The client reads again. */
  resumeReading(): void {
    while (this.#host.isReading) {
      const next = this.#unread.shift();
      if (next === undefined) return;
      next();
    }
  }

  #whenReading(read: () => void): void {
    if (this.#host.isReading && this.#unread.length === 0) read();
    else this.#unread.push(read);
  }

  #end(code: number, reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#events.onEnd(code, reason);
  }
}
