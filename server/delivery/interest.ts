import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import { costOf } from "../broker/cost-of.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { ListenedChannel } from "./listened-channel.ts";
import type { TailBudget } from "./tail.ts";

/** A channel that nobody listens to any more stays for this long: pages are reloaded, networks blink. */
const lingerMs = 10_000;
/** What is kept of deliveries that overtake the answer to `listen`, bytes by `costOf`, of all channels; more is repaired from history. */
const maxEarlyBytes = 8 * 1024 * 1024;

/** What interest needs of the broker. */
export interface Listening {
  listen(channel: ChannelName): Promise<Position>;
  unlisten(channel: ChannelName): Promise<void>;
}

interface Entry {
  /** Who holds it: sessions in it and joins on their way. */
  holds: number;
  channel: ListenedChannel | undefined;
  /** The last step asked of the broker; the next one waits for it, so that a leave cannot overtake a join. */
  step: Promise<unknown>;
  linger: Timer | undefined;
  early: Publication[];
}

/**
 * What the broker should send to this worker: every channel that somebody holds, and for a while those that nobody does
 * any more. Work on one channel is chained, work on different ones is not.
 */
export class Interest {
  readonly #entries = new Map<ChannelName, Entry>();
  readonly #broker: Listening;
  readonly #budget: TailBudget;
  readonly #clock: Clock;
  #earlyBytes = 0;

  constructor(broker: Listening, budget: TailBudget, clock: Clock) {
    this.#broker = broker;
    this.#budget = budget;
    this.#clock = clock;
  }

  /** The channel, if it is listened to now. */
  get(name: ChannelName): ListenedChannel | undefined {
    return this.#entries.get(name)?.channel;
  }

  /** All that are listened to now. */
  *channels(): Iterable<ListenedChannel> {
    for (const { channel } of this.#entries.values()) if (channel !== undefined) yield channel;
  }

  /** How many channels are or become listened to. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Holds the channel; every hold is given back by one `release`. At once where it is listened to already.
   * @param replay Gets what was delivered before the answer of `listen` was, in order.
   * @throws what the broker's `listen` throws; the hold is given back then.
   */
  hold(name: ChannelName, replay: (early: Publication) => void): ListenedChannel | Promise<ListenedChannel> {
    const entry = this.#entries.get(name) ?? this.#newEntry(name);
    entry.holds++;
    entry.linger?.cancel();
    entry.linger = undefined;
    if (entry.channel !== undefined) return entry.channel;
    const listening = entry.step.then(() => entry.channel ?? this.#listen(name, entry, replay));
    entry.step = listening.catch(() => undefined); // the holder hears of it; the chain goes on
    return listening.catch((error: unknown) => {
      this.release(name);
      throw error;
    });
  }

  release(name: ChannelName): void {
    const entry = this.#entries.get(name);
    if (entry === undefined || --entry.holds > 0) return;
    entry.linger = this.#clock.setTimeout(() => this.#leave(name, entry), lingerMs);
  }

  /** A delivery for a channel that is not listened to yet, because the answer to `listen` is still on its way. */
  keepEarly(publication: Publication): void {
    const early = this.#entries.get(publication.channel)?.early;
    const bytes = costOf(publication);
    if (early === undefined || this.#earlyBytes + bytes > maxEarlyBytes) return;
    early.push(publication);
    this.#earlyBytes += bytes;
  }

  /** Takes memory from the tails of all channels until they fit again. */
  shrinkTails(): void {
    if (this.#budget.bytes <= this.#budget.total) return;
    for (const { tail } of this.channels()) tail.shrinkTo(tail.keptBytes / 2);
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.linger?.cancel();
    this.#entries.clear();
  }

  #newEntry(name: ChannelName): Entry {
    const entry: Entry = { holds: 0, channel: undefined, step: Promise.resolve(), linger: undefined, early: [] };
    this.#entries.set(name, entry);
    return entry;
  }

  async #listen(name: ChannelName, entry: Entry, replay: (early: Publication) => void): Promise<ListenedChannel> {
    this.#takeEarly(entry); // from before an earlier leave: history has it
    const top = await this.#broker.listen(name);
    const channel = new ListenedChannel(name, top, this.#budget);
    entry.channel = channel;
    for (const publication of this.#takeEarly(entry)) replay(publication);
    return channel;
  }

  #takeEarly(entry: Entry): readonly Publication[] {
    const { early } = entry;
    entry.early = [];
    for (const publication of early) this.#earlyBytes -= costOf(publication);
    return early;
  }

  #leave(name: ChannelName, entry: Entry): void {
    if (entry.holds > 0) return;
    entry.linger = undefined;
    const tail = entry.channel?.tail;
    // Gives its share of the budget back, and what waits for a flush: nobody would give that back later.
    tail?.reset({ epoch: tail.epoch, offset: tail.head });
    entry.channel = undefined;
    entry.step = entry.step
      .then(() => (entry.holds > 0 ? undefined : this.#broker.unlisten(name)))
      .catch((error: unknown) => {
        getLogger(["fanfare", "hub"]).warning("Could not stop listening to a channel: {error}", { error });
      })
      .then(() => {
        if (entry.holds > 0 || this.#entries.get(name) !== entry) return;
        this.#entries.delete(name);
        this.#takeEarly(entry);
      });
  }
}
