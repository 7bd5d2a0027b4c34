import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Appended, History, HistoryRules, Log, LogEntry, ReadOptions } from "../../server/broker/log.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import type { Clock } from "../../server/lib/clock.ts";
import type { StoredState } from "./reader.ts";

/** The limits of each channel's history. */
export type KeptHistory = Pick<HistoryRules, "historySize" | "historyTtl">;

/** A log that also remembers everything that was ever stored. */
export class RecordingLog implements Log, StoredState {
  mayRepeat = false;
  readonly #setting: KeptHistory;
  readonly #clock: Clock;
  #inner: Log;
  /** By channel: the publications of each of its epochs. The last epoch is the current one. */
  readonly #epochs = new Map<string, Map<string, Publication[]>>();

  constructor(setting: KeptHistory, clock: Clock) {
    this.#setting = setting;
    this.#clock = clock;
    this.#inner = new MemoryLog({ clock });
  }

  /** Loses everything, like a server that exits without having saved anything. */
  forget(): void {
    this.#inner = new MemoryLog({ clock: this.#clock });
  }

  epoch(channel: string): string | undefined {
    return [...(this.#epochs.get(channel)?.keys() ?? [])].at(-1);
  }

  stored(channel: string, epoch: string): readonly Publication[] | undefined {
    return this.#epochs.get(channel)?.get(epoch);
  }

  forgotten(channel: string, epoch: string): number {
    const stored = this.stored(channel, epoch) ?? [];
    if (epoch !== this.epoch(channel)) return stored.length;
    const { historySize, historyTtl } = this.#setting;
    const tooOld = stored.findLastIndex(({ timestamp }) => timestamp < this.#clock.now() - historyTtl) + 1;
    return Math.max(tooOld, stored.length - historySize);
  }

  async append(entries: readonly LogEntry[]): Promise<readonly Appended[]> {
    const appended = await this.#inner.append(entries);
    for (const it of appended) {
      if (it.outcome === "stored") this.#epoch(it.publication.channel, it.publication.epoch).push(it.publication);
    }
    return appended;
  }

  async read(channel: ChannelName, since: Since, options: ReadOptions): Promise<History> {
    const history = await this.#inner.read(channel, since, options);
    this.#epoch(channel, history.top.epoch);
    return history;
  }

  async tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    const tops = await this.#inner.tops(channels, seen);
    for (const [channel, { epoch }] of tops) this.#epoch(channel, epoch);
    return tops;
  }

  readonly open: Log["open"] = () => this.#inner.open();
  readonly summary: Log["summary"] = (...asked) => this.#inner.summary(...asked);
  readonly list: Log["list"] = (...asked) => this.#inner.list(...asked);
  readonly close: Log["close"] = () => this.#inner.close();

  #epoch(channel: string, epoch: string): Publication[] {
    const epochs = this.#epochs.get(channel) ?? new Map<string, Publication[]>();
    this.#epochs.set(channel, epochs);
    const stored = epochs.get(epoch) ?? [];
    epochs.set(epoch, stored);
    return stored;
  }
}
