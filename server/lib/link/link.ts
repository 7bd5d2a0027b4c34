import { type Clock, systemClock } from "../clock.ts";
import { type Frame, maxFrameBytes } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { formatGreeting, type Greeting, maxGreetingBytes, parseGreeting } from "./greeting.ts";
import { Outbox } from "./outbox.ts";
import { Pulse } from "./pulse.ts";

/** Below this there is room for more, bytes: what a socket takes at once, a few times; and part of what may wait at all. */
const maxRoomBytes = 1024 * 1024;
const roomShare = 0.25;

/** What both ends agree on, and how patient this one is. */
export interface LinkSettings extends Greeting {
  /** What may wait for the other side before it counts as hung, bytes. One frame more is always taken. */
  readonly maxQueuedBytes?: number;
  /** How often each side shows that it lives, milliseconds. */
  readonly beatMs?: number;
  /** After so many beats without a byte the other side counts as hung. */
  readonly maxSilentBeats?: number;
  readonly clock?: Clock;
}

/** What a link tells its owner. */
export interface LinkEvents {
  /** The other side speaks the same protocol; from now on texts come. */
  onOpen(): void;
  /** One text, in the order in which they were sent. What it throws breaks the link. */
  onText(text: string): void;
  /** Once, after the last text; never inside a call of the link. Comes also for a link that never opened. */
  onClose(end: LinkEnd): void;
}

/** Why a link is no more. */
export interface LinkEnd {
  /** For a log, as the end of a sentence: `it gave no sign of life for 10 s`. */
  readonly reason: string;
  /** The other side speaks another protocol or version: trying again is of no use. */
  readonly isRefusal: boolean;
  /** What was thrown, where a bug of this side ended it. */
  readonly cause?: unknown;
}

/** What a link needs of its socket. */
export interface LinkSocket {
  /** How many bytes were taken; negative for a closed socket. */
  write(bytes: Buffer, from: number, length: number): number;
  end(): unknown;
  terminate(): unknown;
}

type State = "greeting" | "open" | "closing" | "closed";

/**
 * Texts between two processes of one machine, in order, over a stream.
 *
 * What is sent in one turn of the event loop leaves in one write. What the socket does not take waits, up to a bound:
 * whoever stops reading is cut off and holds nobody up. A side that is silent for some beats is cut off too.
 */
export class Link {
  readonly #socket: LinkSocket;
  readonly #settings: Required<LinkSettings>;
  readonly #events: LinkEvents;
  readonly #outbox = new Outbox();
  readonly #roomSeekers: (() => void)[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #reader = new FrameReader(maxGreetingBytes, (text) => this.#take(text));
  readonly #roomBytes: number;
  readonly #pulse: Pulse;
  #state: State = "greeting";
  #isGreeted = false;
  #hasSaidGoodbye = false;
  #peer = "";
  #isFlushing = false;
  #isSocketFull = false;

  /** @param events Makes what the link tells its events to; the link is not to be used before it returned. */
  constructor(socket: LinkSocket, settings: LinkSettings, events: (link: Link) => LinkEvents) {
    this.#socket = socket;
    this.#settings = {
      maxQueuedBytes: 64 * 1024 * 1024,
      beatMs: 1000,
      maxSilentBeats: 10,
      clock: systemClock,
      ...settings,
    };
    this.#roomBytes = Math.min(maxRoomBytes, this.#settings.maxQueuedBytes * roomShare);
    this.#events = events(this);
    this.#pulse = new Pulse(this.#settings, {
      onBeat: (hasSpoken) => this.#beat(hasSpoken),
      onSilence: (ms) => this.cut(`it gave no sign of life for ${ms / 1000} s`),
    });
    this.#outbox.addText(formatGreeting(settings));
    this.#write(); // at once: a side that is about to refuse must have said what it speaks
  }

  /** The other side's name; empty before it is open. */
  get peer(): string {
    return this.#peer;
  }

  /** Bytes that wait for the other side to read. */
  get queuedBytes(): number {
    return this.#outbox.size;
  }

  /** Does nothing when the link is closed or closing: its end is told by `onClose`. */
  send(text: string): void {
    if (!this.#mayQueue()) return;
    this.#outbox.addText(text);
    this.#flushSoon();
  }

  /** The same, for what goes to many. */
  sendFrame(frame: Frame): void {
    if (!this.#mayQueue()) return;
    this.#outbox.addFrame(frame);
    this.#flushSoon();
  }

  /** Resolves once little waits, or the link is closed: for whoever has more to send than it should queue. */
  room(): Promise<void> {
    if (this.#outbox.size < this.#roomBytes || this.#state === "closed") return Promise.resolve();
    return new Promise((resolve) => this.#roomSeekers.push(resolve));
  }

  /** Writes what waits, then says goodbye. Resolves when the link is closed, by whatever. Idempotent. */
  close(): Promise<void> {
    if (this.#state === "greeting" || this.#state === "open") {
      this.#state = "closing";
      this.#write();
    }
    return this.#ended.promise;
  }

  /** Ends it at once; what waits is lost. */
  cut(reason: string): void {
    this.#end({ reason, isRefusal: false });
  }

  /** Called by the socket's owner with what came. */
  takeBytes(bytes: Buffer): void {
    if (this.#state === "closed") return;
    this.#pulse.hear();
    try {
      this.#reader.push(bytes);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      this.#end({ reason: `what it sent could not be taken: ${message}`, isRefusal: false, cause });
    }
  }

  /** Called by the socket's owner when the socket takes more. */
  takeDrain(): void {
    this.#isSocketFull = false;
    this.#write();
  }

  /** Called by the socket's owner when the socket is gone. */
  takeClose(error?: Error): void {
    const reason = error === undefined ? "it closed the link" : `the link broke: ${error.message}`;
    this.#end({ reason: this.#state === "closing" ? "closed by this side" : reason, isRefusal: false });
  }

  #take(text: string): void {
    if (!this.#isGreeted) this.#greet(text);
    else if (text !== "") this.#events.onText(text); // an empty one is a beat
  }

  #greet(text: string): void {
    const greeting = parseGreeting(text);
    const { protocol } = this.#settings;
    if (greeting?.protocol !== protocol) {
      const spoken = greeting === undefined ? "something else" : greeting.protocol;
      this.#end({ reason: `it speaks ${spoken}, this side ${protocol}`, isRefusal: true });
      return;
    }
    this.#isGreeted = true;
    this.#reader.maxBytes = maxFrameBytes;
    this.#peer = greeting.name;
    if (this.#state !== "greeting") return;
    this.#state = "open";
    this.#events.onOpen();
  }

  #mayQueue(): boolean {
    if (this.#state !== "open") return false;
    if (this.#outbox.size <= this.#settings.maxQueuedBytes) return true;
    this.cut(`it does not read: ${this.#outbox.size} bytes wait for it, ${this.#settings.maxQueuedBytes} at most`);
    return false;
  }

  #flushSoon(): void {
    if (this.#isFlushing || this.#isSocketFull) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#write();
    });
  }

  #write(): void {
    if (this.#state === "closed") return;
    if (!this.#isSocketFull && this.#outbox.size > 0) {
      this.#outbox.writeTo((bytes, from, to) => Math.max(0, this.#socket.write(bytes, from, to - from)));
      this.#isSocketFull = this.#outbox.size > 0;
      this.#pulse.speak();
    }
    if (this.#outbox.size < this.#roomBytes) this.#makeRoom();
    if (this.#state !== "closing" || this.#outbox.size > 0 || this.#hasSaidGoodbye) return;
    this.#hasSaidGoodbye = true;
    this.#socket.end();
  }

  #makeRoom(): void {
    for (const resolve of this.#roomSeekers.splice(0)) resolve();
  }

  /** Shows that this side lives, unless it said something anyway or the other side does not even read that. */
  #beat(hasSpoken: boolean): void {
    if (hasSpoken || this.#hasSaidGoodbye || this.#outbox.size > 0) return;
    this.#outbox.addText("");
    this.#write();
  }

  #end(end: LinkEnd): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#reader.stop();
    this.#pulse.stop();
    this.#outbox.clear();
    this.#makeRoom();
    this.#socket.terminate();
    queueMicrotask(() => {
      this.#events.onClose(end);
      this.#ended.resolve();
    });
  }
}
