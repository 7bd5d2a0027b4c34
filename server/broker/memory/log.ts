import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { type Clock, type Moment, systemClock } from "../../lib/clock.ts";
import { steadyTime } from "../../lib/steady-time.ts";
import { Ledger } from "../ledger/ledger.ts";
import { Sweeper } from "../ledger/sweeper.ts";
import type { Appended, ChannelSummary, History, HistoryRules, LogEntry, ReadOptions, RuledLog } from "../log.ts";
import { defaultLogLimits, type LogLimits } from "../log-limits.ts";
import { ChunkPool } from "../records/chunk-pool.ts";
import { PublicationRing } from "../records/publication-ring.ts";
import { toPublication } from "../to-publication.ts";
import { restoreSnapshot, snapshotOf } from "./snapshot.ts";

/** Channels, ids and publications per slice: about a millisecond. */
const sweepSteps = 10_000;

/** With fewer publications than this between two passes of the sweeper (2 s), the log is considered quiet. */
const fewPublications = 200;
/** Channels that get new rules in one turn of the event loop, so that publications do not wait for all of them. */
const rulesPerTurn = 1000;
/** Freeing fewer bytes than this is not worth a garbage collection. */
const worthBytes = 8 * 1024 * 1024;

/** Settings of a memory log. */
export interface MemoryLogOptions extends Partial<LogLimits> {
  readonly clock?: Clock;
  /** Collects garbage. By default `Bun.gc`. */
  readonly collect?: () => void;
}

/** Keeps everything in memory. Calls take effect synchronously. A restart loses everything. */
export class MemoryLog implements RuledLog {
  readonly #clock: Clock;
  readonly #now: (monotonic?: number) => number;
  readonly #ledger: Ledger<Publication>;
  readonly #collect: () => void;
  #sweeper: Sweeper | undefined;
  /** Bytes dropped by sweeps since the last garbage collection. */
  #sweptBytes = 0;
  /** Publications since the last pass of the sweeper. */
  #appended = 0;

  constructor({ clock = systemClock, collect = () => Bun.gc(true), ...limits }: MemoryLogOptions = {}) {
    this.#clock = clock;
    this.#now = steadyTime(clock);
    this.#collect = collect;
    const pool = new ChunkPool();
    const makeItems = () => new PublicationRing(pool);
    this.#ledger = new Ledger({ ...defaultLogLimits, ...limits }, { make: toPublication, makeItems });
  }

  async open(): Promise<void> {
    this.#sweeper ??= new Sweeper(this.#clock, () => this.#sweep());
  }

  async append(entries: readonly LogEntry[]): Promise<readonly Appended[]> {
    return entries.map(({ draft, rules }) => this.enter(draft, rules));
  }

  enter(draft: Draft, rules: HistoryRules, moment?: Moment): Appended {
    this.#appended++;
    return this.#ledger.enter(draft, rules, this.#now(moment?.monotonic), moment?.now ?? this.#clock.now());
  }

  async read(channel: ChannelName, since: Since, options: ReadOptions): Promise<History> {
    const { top, items, gap } = this.#ledger.read(channel, since, options, this.#now());
    return { top, publications: items, gap };
  }

  async tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
    publisher?: string,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    return this.#ledger.tops(channels, this.#now(), seen, publisher);
  }

  async summary(channel: ChannelName): Promise<ChannelSummary | undefined> {
    return this.#ledger.summary(channel, this.#now());
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]> {
    return this.#ledger.list(prefix, after, limit, this.#now());
  }

  /** Everything that it holds, for a process that takes over. Nothing must be stored meanwhile. */
  snapshot(): Iterable<string> {
    return snapshotOf(this.#ledger, Math.round(this.#clock.now() - this.#now()));
  }

  /** Restores the snapshot of another process. To be called before anything is stored. */
  restore(lines: AsyncIterable<string> | Iterable<string>): Promise<void> {
    return restoreSnapshot(this.#ledger, lines, this.#now());
  }

  async applyRules(rulesOf: (channel: ChannelName) => HistoryRules): Promise<void> {
    let done = 0;
    for (const { name, kept } of this.#ledger.channels()) {
      if (kept.length === 0) continue;
      this.#ledger.setRules(name, rulesOf(name), this.#now());
      if (++done % rulesPerTurn === 0) await new Promise<void>((resolve) => this.#clock.setImmediate(resolve));
    }
  }

  async close(): Promise<void> {
    this.#sweeper?.close();
  }

  #sweep(): boolean {
    const before = this.#ledger.bytes;
    const isSwept = this.#ledger.sweep(this.#now(), sweepSteps);
    this.#sweptBytes += before - this.#ledger.bytes;
    if (isSwept) this.#shrink();
    return isSwept;
  }

  /**
   * The engine collects garbage when it allocates, so without new publications the memory of expired ones is not freed. A
   * collection pauses the process. So it runs only while the log is quiet, and only if it frees a good part of the memory.
   */
  #shrink(): void {
    const isQuiet = this.#appended < fewPublications;
    this.#appended = 0;
    if (!isQuiet || this.#sweptBytes < Math.max(worthBytes, this.#ledger.bytes / 4)) return;
    this.#sweptBytes = 0;
    this.#collect();
  }
}
