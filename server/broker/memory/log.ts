import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import type { RingMeasure } from "../../lib/ring.ts";
import { steadyTime } from "../../lib/steady-time.ts";
import { costOf } from "../cost-of.ts";
import { type Entered, Ledger, type Place } from "../ledger/ledger.ts";
import { Sweeper } from "../ledger/sweeper.ts";
import type { Appended, ChannelSummary, History, Log, LogEntry } from "../log.ts";
import { defaultLogLimits, type LogLimits } from "../log-limits.ts";
import { toPublication } from "../to-publication.ts";

/** Channels, ids and publications per slice: about a millisecond. */
const sweepSteps = 10_000;

/** What a memory log can be told. */
export interface MemoryLogOptions extends Partial<LogLimits> {
  readonly clock?: Clock;
}

/** A publication, and when it was stored by the ledger's steady time: its timestamp is the wall clock's, which may be set. */
interface Kept {
  readonly publication: Publication;
  readonly at: number;
}

/** Keeps everything in this process; all of it takes effect in the call itself, and a new start is a new life. */
export class MemoryLog implements Log {
  readonly #clock: Clock;
  readonly #now: () => number;
  readonly #ledger: Ledger<Kept>;
  #sweeper: Sweeper | undefined;

  constructor({ clock = systemClock, ...limits }: MemoryLogOptions = {}) {
    this.#clock = clock;
    this.#now = steadyTime(clock);
    const make = (draft: Draft, place: Place, at: number): Kept => ({ publication: toPublication(draft, place), at });
    this.#ledger = new Ledger({ ...defaultLogLimits, ...limits }, { make, measure });
  }

  async open(): Promise<void> {
    this.#sweeper ??= new Sweeper(this.#clock, () => this.#ledger.sweep(this.#now(), sweepSteps));
  }

  async append(entries: readonly LogEntry[]): Promise<readonly Appended[]> {
    const [now, timestamp] = [this.#now(), this.#clock.now()];
    return entries.map((entry) => toAppended(this.#ledger.enter(entry, now, timestamp)));
  }

  async read(channel: ChannelName, since: Since, limit: number, maxBytes: number): Promise<History> {
    const { top, items, gap } = this.#ledger.read(channel, since, { limit, maxBytes }, this.#now());
    // A channel that got a new epoch keeps what was stored under the old one.
    const publications = items.map(({ publication: it }) =>
      it.epoch === top.epoch ? it : { ...it, epoch: top.epoch },
    );
    return { top, publications, gap };
  }

  async tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    return this.#ledger.tops(channels, this.#now(), seen);
  }

  async summary(channel: ChannelName): Promise<ChannelSummary | undefined> {
    return this.#ledger.summary(channel, this.#now());
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]> {
    return this.#ledger.list(prefix, after, limit, this.#now());
  }

  async close(): Promise<void> {
    this.#sweeper?.close();
  }
}

const measure: RingMeasure<Kept> = {
  bytesOf: ({ publication }) => costOf(publication),
  timeOf: ({ at }) => at,
};

function toAppended(entered: Entered<Kept>): Appended {
  return entered.outcome === "stored" ? { outcome: "stored", publication: entered.item.publication } : entered;
}
