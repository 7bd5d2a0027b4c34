import { type Clock, systemClock } from "../clock.ts";
import { FieldReader } from "./field-reader.ts";
import type { FieldWriter } from "./field-writer.ts";
import { type Frame, maxFrameBytes } from "./frame.ts";
import { FrameReader } from "./frame-reader.ts";
import { formatGreeting, type Greeting, maxGreetingBytes, parseGreeting } from "./greeting.ts";
import { Outbox } from "./outbox.ts";
import { Pulse } from "./pulse.ts";

/** `room()` resolves when fewer bytes than this are queued, or less than this share of the limit. 1 MiB is a few writes. */
const maxRoomBytes = 1024 * 1024;
const roomShare = 0.25;

/** The protocol that both sides must share, and the limits of this side. */
export interface LinkSettings extends Greeting {
  /** How many bytes may be queued before the other side counts as hung. One more frame is always accepted. */
  readonly maxQueuedBytes?: number;
  /** The heartbeat interval of each side, in milliseconds. */
  readonly beatMs?: number;
  /** The other side counts as hung after this many intervals without a byte. */
  readonly maxSilentBeats?: number;
  readonly clock?: Clock;
}

/** Callbacks of a link. */
export interface LinkEvents {
  /** The other side uses the same protocol. Texts follow. */
  onOpen(): void;
  /** One text, in sending order. If it throws, the link is closed. */
  onText(text: string): void;
  /** The same for a frame with fields, which are valid only during the call. */
  readonly onFields?: ((fields: FieldReader) => void) | undefined;
  /** Called once, after the last text, and never inside a call of the link. Also called for a link that never opened. */
  onClose(end: LinkEnd): void;
}

/** Why a link ended. */
export interface LinkEnd {
  /** For a log, as the end of a sentence: `no heartbeat for 10 s`. */
  readonly reason: string;
  /** The other side uses another protocol or version: retrying is useless. */
  readonly isRefusal: boolean;
  /** The error, if a bug on this side ended the link. */
  readonly cause?: unknown;
}

/** The part of a socket that a link needs. */
export interface LinkSocket {
  /** @returns how many bytes were accepted; negative for a closed socket */
  write(bytes: Buffer, from: number, length: number): number;
  end(): unknown;
  terminate(): unknown;
}

type State = "greeting" | "open" | "closing" | "closed";

/**
 * Sends texts and fields between two processes of one machine, in order, over a stream.
 *
 * Everything sent in one turn of the event loop is one write. Bytes that the socket does not accept are queued up to a
 * limit: a side that stops reading is disconnected, so that it blocks nobody. So is a side that misses several heartbeats.
 */
export class Link {
  readonly #socket: LinkSocket;
  readonly #settings: Required<LinkSettings>;
  readonly #events: LinkEvents;
  readonly #outbox = new Outbox();
  readonly #roomWaiters: (() => void)[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #reader = new FrameReader(maxGreetingBytes, (...frame) => this.#handleFrame(...frame));
  readonly #fields = new FieldReader();
  readonly #roomBytes: number;
  readonly #pulse: Pulse;
  #state: State = "greeting";
  #isGreeted = false;
  #hasEndedSocket = false;
  #peer = "";
  #isFlushing = false;
  #isSocketFull = false;

  /** @param events Makes the callbacks for the link, which must not be used before this returns. */
  constructor(socket: LinkSocket, settings: LinkSettings, events: (link: Link) => LinkEvents) {
    this.#socket = socket;
    this.#settings = {
      maxQueuedBytes: 64 * 1024 * 1024,
      beatMs: 2000,
      maxSilentBeats: 5,
      clock: systemClock,
      ...settings,
    };
    this.#roomBytes = Math.min(maxRoomBytes, this.#settings.maxQueuedBytes * roomShare);
    this.#events = events(this);
    this.#pulse = new Pulse(this.#settings, {
      onBeat: (hasWritten) => this.#beat(hasWritten),
      onSilence: (ms) => this.cut(`no heartbeat for ${ms / 1000} s`),
    });
    this.#outbox.addText(formatGreeting(settings));
    this.#write(); // at once: even a side that will refuse must have sent its greeting
  }

  /** The other side's name; empty until the link is open. */
  get peer(): string {
    return this.#peer;
  }

  /** Bytes waiting for the other side to read. */
  get queuedBytes(): number {
    return this.#outbox.size;
  }

  /** Does nothing if the link is closed or closing; `onClose` reports its end. */
  send(text: string): void {
    if (!this.#mayQueue()) return;
    this.#outbox.addText(text);
    this.#flushSoon();
  }

  /** The same for a text that is sent to many links. */
  sendFrame(frame: Frame): void {
    if (!this.#mayQueue()) return;
    this.#outbox.addFrame(frame);
    this.#flushSoon();
  }

  /** Starts a frame with fields, to be followed by `sendFields` in the same turn; undefined if nothing can be sent. */
  fields(): FieldWriter | undefined {
    return this.#mayQueue() ? this.#outbox.begin() : undefined;
  }

  /** Sends the frame that `fields` has started. */
  sendFields(): void {
    this.#outbox.end();
    this.#flushSoon();
  }

  /** Resolves once the queue is short, or the link is closed. For senders with more data than should be queued. */
  room(): Promise<void> {
    if (this.#outbox.size < this.#roomBytes || this.#state === "closed") return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Sends queued messages, then closes. Resolves when the link is closed, for any reason. Idempotent. */
  close(): Promise<void> {
    if (this.#state === "greeting" || this.#state === "open") {
      this.#state = "closing";
      this.#write();
    }
    return this.#ended.promise;
  }

  /** Closes at once; queued messages are lost. */
  cut(reason: string): void {
    this.#end({ reason, isRefusal: false });
  }

  /** Called by the socket's owner with received bytes. */
  handleBytes(bytes: Buffer): void {
    if (this.#state === "closed") return;
    this.#pulse.received();
    try {
      this.#reader.push(bytes);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      this.#end({ reason: `its data could not be handled: ${message}`, isRefusal: false, cause });
    }
  }

  /** Called by the socket's owner when the socket accepts more. */
  handleDrain(): void {
    this.#isSocketFull = false;
    this.#write();
  }

  /** Called by the socket's owner when the socket is closed. */
  handleClose(error?: Error): void {
    const reason = error === undefined ? "it closed the link" : `the link broke: ${error.message}`;
    this.#end({ reason: this.#state === "closing" ? "closed by this side" : reason, isRefusal: false });
  }

  #handleFrame(bytes: Buffer, from: number, to: number, hasFields: boolean): void {
    if (!this.#isGreeted) this.#handleGreeting(bytes.toString("utf8", from, to));
    else if (hasFields) this.#handleFields(bytes, from);
    else if (to > from) this.#events.onText(bytes.toString("utf8", from, to)); // an empty text is a heartbeat
  }

  #handleFields(bytes: Buffer, from: number): void {
    if (this.#events.onFields === undefined) throw new Error("a frame with fields, expected only texts");
    this.#fields.open(bytes, from);
    this.#events.onFields(this.#fields);
    this.#fields.close();
  }

  #handleGreeting(text: string): void {
    const greeting = parseGreeting(text);
    const { protocol } = this.#settings;
    if (greeting?.protocol !== protocol) {
      const other = greeting === undefined ? "another protocol" : greeting.protocol;
      this.#end({ reason: `it uses ${other}, this side uses ${protocol}`, isRefusal: true });
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
    this.cut(`it does not read: ${this.#outbox.size} bytes are queued, the limit is ${this.#settings.maxQueuedBytes}`);
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
      this.#pulse.written();
    }
    if (this.#outbox.size < this.#roomBytes) this.#makeRoom();
    if (this.#state !== "closing" || this.#outbox.size > 0 || this.#hasEndedSocket) return;
    this.#hasEndedSocket = true;
    this.#socket.end();
  }

  #makeRoom(): void {
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  /** Sends a heartbeat, unless something was sent anyway or is still queued. */
  #beat(hasWritten: boolean): void {
    if (hasWritten || this.#hasEndedSocket || this.#outbox.size > 0) return;
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
