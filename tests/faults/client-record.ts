import type { Ledger } from "./ledger.ts";

/** The server's answer to a subscription. */
export interface Join {
  readonly epoch: string;
  readonly from: number;
  readonly recovered?: boolean;
  readonly reason?: string;
}

/** An announced gap, both ends included. */
export interface AnnouncedGap {
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** How much history the channels of a run have. */
export interface Retention {
  /** How many publications of this channel are kept. A gap beyond them is correct. */
  historySize(channel: string): number;
  /** Publications that may already be stored although nobody has seen them. */
  readonly inFlight: number;
}

interface Place {
  readonly epoch: string;
  /** The last offset that was read, or announced as missing. */
  readonly offset: number;
}

/**
 * The messages that one client receives in its channels, over all its connections. Checks the guarantees as messages
 * arrive: each offset once and in order, each gap announced with its exact range and only if the history is too short.
 */
export class ClientRecord {
  deliveries = 0;
  /** Messages that did not arrive and were not announced as missing. */
  lost = 0;
  doubled = 0;
  /** Announced gaps. */
  gaps = 0;
  readonly name: string;
  readonly #ledger: Ledger;
  readonly #retention: Retention;
  readonly #places = new Map<string, Place>();

  constructor(name: string, ledger: Ledger, retention: Retention) {
    this.name = name;
    this.#ledger = ledger;
    this.#retention = retention;
  }

  /** Where the client resumes; undefined before its first subscription. */
  place(channel: string): Place | undefined {
    return this.#places.get(channel);
  }

  /** Whether the client has received everything in this channel. */
  isComplete(channel: string): boolean {
    return (this.#places.get(channel)?.offset ?? 0) >= this.#ledger.top(channel);
  }

  /**
   * A connection begins. @param hasAsked whether it asked for this client's own position; the first one asks for the
   * earliest there is
   */
  joined(channel: string, { epoch, from, recovered, reason = "" }: Join, hasAsked: boolean): void {
    this.#ledger.seeEpoch(channel, epoch);
    const place = this.#places.get(channel);
    const at = `${channel} joined from ${from} at ${place?.offset}`;
    if (place === undefined) {
      this.#places.set(channel, { epoch, offset: from - 1 });
      if (from > 1) this.#checkMissed(at, channel, from - 1);
    } else if (recovered === false) this.gap(channel, { epoch, from: place.offset + 1, to: from - 1, reason });
    else if (hasAsked) {
      if (recovered !== true) this.#fault(`${at}: does not say whether it was recovered`);
      if (from !== place.offset + 1) this.#fault(`${at}: says that it was recovered`);
    }
  }

  message(channel: string, offset: number, text: string): void {
    this.deliveries++;
    const place = this.#places.get(channel) ?? { epoch: "", offset: 0 };
    if (offset <= place.offset) {
      this.doubled++;
      return;
    }
    this.lost += offset - place.offset - 1;
    this.#places.set(channel, { ...place, offset });
    this.#ledger.see({ channel, epoch: place.epoch, offset, text });
  }

  gap(channel: string, { epoch, from, to, reason }: AnnouncedGap): void {
    const place = this.#places.get(channel);
    const at = `${channel}: gap ${from} to ${to} (${reason}) at ${place?.offset}`;
    this.#ledger.seeEpoch(channel, epoch);
    this.gaps++;
    if (reason !== "history-too-short") this.#fault(`${at}: not the reason`);
    if (from !== (place?.offset ?? 0) + 1 || to < from) this.#fault(`${at}: wrong range`);
    this.#checkMissed(at, channel, to);
    this.#places.set(channel, { epoch, offset: to });
  }

  /** Counts everything that has not arrived by now as lost. */
  checkEnd(channels: readonly string[]): void {
    for (const channel of channels) this.lost += this.#ledger.top(channel) - (this.#places.get(channel)?.offset ?? 0);
  }

  #checkMissed(at: string, channel: string, to: number): void {
    const stored = this.#ledger.top(channel) + this.#retention.inFlight;
    if (to + this.#retention.historySize(channel) > stored) this.#fault(`${at}: history reaches back`);
  }

  #fault(text: string): void {
    this.#ledger.fault(`${this.name}: ${text}`);
  }
}
