import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import { costOf } from "../broker/cost-of.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { ListenedChannel } from "./listened-channel.ts";
import type { TailBudget } from "./tail.ts";

/** How long a channel without subscribers is kept: pages are reloaded, networks drop briefly. */
const lingerMs = 10_000;
/**
 * Limit for publications that arrive before the answer to `listen`, over all channels, in bytes by `costOf`. Publications
 * that do not fit are fetched from history.
 */
const maxEarlyBytes = 8 * 1024 * 1024;

/** The part of the broker that interest needs. */
export interface Listening {
  listen(channel: ChannelName, publisher?: string): Promise<Position>;
  unlisten(channel: ChannelName): Promise<void>;
}

const nothing = Promise.resolve();

/** See `hold`. */
interface ListenOptions {
  readonly replay: (early: Publication) => void;
  readonly publisher: string | undefined;
}

interface Entry {
  /** Number of sessions in the channel and joins in progress. */
  holds: number;
  channel: ListenedChannel | undefined;
  /**
   * The last request to the broker, until it is answered. The next one waits for it, so that a leave cannot overtake a
   * join.
   */
  step: Promise<unknown> | undefined;
  linger: Timer | undefined;
  /** Undefined if there are none. */
  early: Publication[] | undefined;
}

/**
 * Which channels the broker sends to this worker: every channel that is held, and for a while those that no longer are.
 * Requests for one channel are serialized; different channels do not wait for each other.
 */
export class Interest {
  readonly #entries = new Map<ChannelName, Entry>();
  /** The entry that was found last. */
  #last: Entry | undefined;
  #lastName: ChannelName | undefined;
  readonly #broker: Listening;
  readonly #budget: TailBudget;
  readonly #clock: Clock;
  #earlyBytes = 0;

  constructor(broker: Listening, budget: TailBudget, clock: Clock) {
    this.#broker = broker;
    this.#budget = budget;
    this.#clock = clock;
  }

  /**
   * The channel, if this worker is listening to it. Hot path: a push asks three times for the same one, and comparing two
   * names takes a fifth of a look-up in a large map (bench/direct).
   */
  get(name: ChannelName): ListenedChannel | undefined {
    if (name !== this.#lastName) {
      const entry = this.#entries.get(name);
      if (entry === undefined) return undefined;
      this.#last = entry;
      this.#lastName = entry.channel?.name ?? name;
    }
    return this.#last?.channel;
  }

  /** All channels this worker is listening to. */
  *channels(): Iterable<ListenedChannel> {
    for (const { channel } of this.#entries.values()) if (channel !== undefined) yield channel;
  }

  /** Number of channels, including those that listening has only been requested for. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * Holds the channel until a matching `release`. Synchronous if the worker is listening to it already.
   * @param replay Receives the publications that were delivered before the answer to `listen`, in order.
   * @param publisher the client that is charged for the channel if it is new, as in `Draft`
   * @throws errors of the broker's `listen`; the hold is released then.
   */
  hold(
    name: ChannelName,
    replay: (early: Publication) => void,
    publisher?: string,
  ): ListenedChannel | Promise<ListenedChannel> {
    const entry = this.#entries.get(name) ?? this.#newEntry(name);
    entry.holds++;
    entry.linger?.cancel();
    entry.linger = undefined;
    if (entry.channel !== undefined) return entry.channel;
    const listening = (entry.step ?? nothing).then(
      () => entry.channel ?? this.#listen(name, entry, { replay, publisher }),
    );
    this.#begin(entry, listening);
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

  /** Keeps a delivery that arrived before the answer to `listen`. */
  keepEarly(publication: Publication): void {
    const entry = this.#entries.get(publication.channel);
    const bytes = costOf(publication);
    if (entry === undefined || this.#earlyBytes + bytes > maxEarlyBytes) return;
    entry.early ??= [];
    entry.early.push(publication);
    this.#earlyBytes += bytes;
  }

  /** Shrinks all tails if together they exceed the budget. */
  shrinkTails(): void {
    if (this.#budget.bytes <= this.#budget.total) return;
    for (const { tail } of this.channels()) tail.shrinkTo(tail.keptBytes / 2);
  }

  close(): void {
    for (const entry of this.#entries.values()) entry.linger?.cancel();
    this.#entries.clear();
    this.#forgetLast();
  }

  #forgetLast(): void {
    this.#last = undefined;
    this.#lastName = undefined;
  }

  #newEntry(name: ChannelName): Entry {
    const entry: Entry = { holds: 0, channel: undefined, step: undefined, linger: undefined, early: undefined };
    this.#entries.set(name, entry);
    return entry;
  }

  async #listen(name: ChannelName, entry: Entry, { replay, publisher }: ListenOptions): Promise<ListenedChannel> {
    this.#takeEarly(entry); // left over from before an unlisten; history has them
    const top = await this.#broker.listen(name, publisher);
    const channel = new ListenedChannel(name, top, this.#budget);
    entry.channel = channel;
    for (const publication of this.#takeEarly(entry)) replay(publication);
    return channel;
  }

  #takeEarly(entry: Entry): readonly Publication[] {
    const { early = [] } = entry;
    entry.early = undefined;
    for (const publication of early) this.#earlyBytes -= costOf(publication);
    return early;
  }

  #leave(name: ChannelName, entry: Entry): void {
    if (entry.holds > 0) return;
    entry.linger = undefined;
    const tail = entry.channel?.tail;
    // Returns its share of the budget, including pending publications, because nothing else would.
    tail?.reset({ epoch: tail.epoch, offset: tail.head });
    entry.channel = undefined;
    const leaving = (entry.step ?? nothing)
      .then(() => (entry.holds > 0 ? undefined : this.#broker.unlisten(name)))
      .catch((error: unknown) => {
        getLogger(["fanfare", "hub"]).warning("Could not stop listening to a channel: {error}", { error });
      })
      .then(() => {
        if (entry.holds > 0 || this.#entries.get(name) !== entry) return;
        this.#entries.delete(name);
        this.#forgetLast();
        this.#takeEarly(entry);
      });
    this.#begin(entry, leaving);
  }

  #begin(entry: Entry, request: Promise<unknown>): void {
    const done = () => {
      if (entry.step === step) entry.step = undefined;
    };
    const step: Promise<void> = request.then(done, done); // a failure is reported to the caller
    entry.step = step;
  }
}
