import { backoff } from "../backoff.ts";
import { type Clock, systemClock, type Timer } from "../clock.ts";
import type { FieldReader } from "./field-reader.ts";
import type { Link, LinkEnd, LinkSettings } from "./link.ts";
import { connectLink } from "./sockets.ts";

/** Callbacks of a steady link. They must not throw. */
export interface SteadyLinkEvents {
  /** A link is open, the first one or a new one. */
  onOpen(link: Link): void;
  onText(text: string): void;
  readonly onFields?: (fields: FieldReader) => void;
  /** The open link has broken; another one is being opened. */
  onBreak(end: LinkEnd): void;
  /** An attempt has failed. The next one follows, unless it was a refusal. */
  onFailure(end: LinkEnd): void;
}

/** Where to connect, and with which protocol. */
export interface SteadyLinkSettings extends LinkSettings {
  readonly path: string;
}

/**
 * A link that is reopened whenever it breaks, with growing delays, until it is closed or refused.
 *
 * Invariant: there is one link, or one attempt, or one timer for the next attempt, or it has ended.
 */
export class SteadyLink {
  readonly #settings: SteadyLinkSettings;
  readonly #events: SteadyLinkEvents;
  readonly #clock: Clock;
  #open: Link | undefined;
  #attempt: Link | undefined;
  #failures = 0;
  #openedAt = 0;
  #retry: Timer | undefined;
  #isOver = false;

  constructor(settings: SteadyLinkSettings, events: SteadyLinkEvents) {
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.#events = events;
  }

  /** Starts connecting. Called once. */
  start(): void {
    void this.#connect();
  }

  /** The link, while it is open. */
  get link(): Link | undefined {
    return this.#open;
  }

  /** Sends queued messages, and closes. Idempotent. */
  async close(): Promise<void> {
    this.#isOver = true;
    this.#retry?.cancel();
    await (this.#open ?? this.#attempt)?.close();
  }

  async #connect(): Promise<void> {
    const { path } = this.#settings;
    try {
      await connectLink(path, this.#settings, (link) => {
        this.#attempt = link;
        return {
          onOpen: () => this.#opened(link),
          onText: (text) => this.#events.onText(text),
          onFields: this.#events.onFields,
          onClose: (end) => this.#closed(link, end),
        };
      });
      if (this.#isOver) this.#attempt?.cut("closed by this side");
    } catch (cause) {
      this.#failed({ reason: `nobody is listening on ${path}`, isRefusal: false, cause });
    }
  }

  #opened(link: Link): void {
    this.#attempt = undefined;
    this.#open = link;
    this.#openedAt = this.#clock.monotonic();
    this.#events.onOpen(link);
  }

  #closed(link: Link, end: LinkEnd): void {
    const wasOpen = this.#open === link;
    this.#open = undefined;
    this.#attempt = undefined;
    if (!wasOpen) {
      this.#failed(end);
      return;
    }
    // A link that breaks soon after opening counts as a failure, so that the delays keep growing.
    if (this.#clock.monotonic() - this.#openedAt >= lastingMs) this.#failures = 0;
    this.#events.onBreak(end);
    this.#scheduleRetry();
  }

  #failed(end: LinkEnd): void {
    if (this.#isOver) return;
    if (end.isRefusal) this.#isOver = true;
    this.#events.onFailure(end);
    this.#scheduleRetry();
  }

  #scheduleRetry(): void {
    if (this.#isOver) return;
    this.#retry = this.#clock.setTimeout(() => void this.#connect(), backoff(++this.#failures, waits));
  }
}

/** The other side is on the same machine: retrying often costs little, and it may be back at once. */
const waits = { firstMs: 20, maxMs: 1000 };
/** A link that lasts this long resets the delays. */
const lastingMs = 5000;
