import { backoff } from "../backoff.ts";
import { type Clock, systemClock, type Timer } from "../clock.ts";
import type { Link, LinkEnd, LinkSettings } from "./link.ts";
import { connectLink } from "./sockets.ts";

/** What a steady link tells its owner. None of them may throw. */
export interface SteadyLinkEvents {
  /** There is a link, the first one or another. */
  onOpen(link: Link): void;
  onText(text: string): void;
  /** The link that was open is no more; another one is reached for. */
  onBreak(end: LinkEnd): void;
  /** One more attempt failed; the next one follows, unless it was a refusal. */
  onFailure(end: LinkEnd): void;
}

/** Where to, and what is spoken there. */
export interface SteadyLinkSettings extends LinkSettings {
  readonly path: string;
}

/**
 * A link that is made again whenever it breaks, after waits that grow, until it is closed or refused.
 *
 * Invariant: there is one link, or one attempt, or one wait for the next, or it is over.
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

  /** Begins to reach for the other side. Called once. */
  start(): void {
    void this.#connect();
  }

  /** The link, while it is open. */
  get link(): Link | undefined {
    return this.#open;
  }

  /** Writes what waits, and lets go. Idempotent. */
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
          onClose: (end) => this.#closed(link, end),
        };
      });
      if (this.#isOver) this.#attempt?.cut("closed by this side");
    } catch (cause) {
      this.#failed({ reason: `nobody listens on ${path}`, isRefusal: false, cause });
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
    // One that breaks as soon as it is open counts as a failure: the waits go on growing.
    if (this.#clock.monotonic() - this.#openedAt >= lastingMs) this.#failures = 0;
    this.#events.onBreak(end);
    this.#wait();
  }

  #failed(end: LinkEnd): void {
    if (this.#isOver) return;
    if (end.isRefusal) this.#isOver = true;
    this.#events.onFailure(end);
    this.#wait();
  }

  #wait(): void {
    if (this.#isOver) return;
    this.#retry = this.#clock.setTimeout(() => void this.#connect(), backoff(++this.#failures, waits));
  }
}

/** The other side is on the same machine: asking often costs little, and it may be back at once. */
const waits = { firstMs: 20, maxMs: 1000 };
/** A link of this age is a good one. */
const lastingMs = 5000;
