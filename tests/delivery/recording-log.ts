import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Appended, History, HistoryRules, Log, LogEntry } from "../../server/broker/log.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import type { Clock } from "../../server/lib/clock.ts";
import type { StoredState } from "./reader.ts";

/** How much of each channel is kept. */
export type KeptHistory = Pick<HistoryRules, "historySize" | "historyTtl">;

/** Keeps what a log keeps, and remembers all that was ever stored. */
export class RecordingLog implements Log, StoredState {
  mayRepeat = false;
  readonly #setting: KeptHistory;
  readonly #clock: Clock;
  #inner: Log;
  /** By channel: its lives, the last one goes on. */
  readonly #lives = new Map<string, Map<string, Publication[]>>();

  constructor(setting: KeptHistory, clock: Clock) {
    this.#setting = setting;
    this.#clock = clock;
    this.#inner = new MemoryLog({ clock });
  }

  /** Loses everything, as a server does that ends without having saved anything. */
  forget(): void {
    this.#inner = new MemoryLog({ clock: this.#clock });
  }

  epoch(channel: string): string | undefined {
    return [...(this.#lives.get(channel)?.keys() ?? [])].at(-1);
  }

  stored(channel: string, epoch: string): readonly Publication[] | undefined {
    return this.#lives.get(channel)?.get(epoch);
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
      if (it.outcome === "stored") this.#life(it.publication.channel, it.publication.epoch).push(it.publication);
    }
    return appended;
  }

  async read(channel: ChannelName, since: Since, limit: number, maxBytes: number): Promise<History> {
    const history = await this.#inner.read(channel, since, limit, maxBytes);
    this.#life(channel, history.top.epoch);
    return history;
  }

  async tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    const tops = await this.#inner.tops(channels, seen);
    for (const [channel, { epoch }] of tops) this.#life(channel, epoch);
    return tops;
  }

  readonly open: Log["open"] = () => this.#inner.open();
  readonly summary: Log["summary"] = (...asked) => this.#inner.summary(...asked);
  readonly list: Log["list"] = (...asked) => this.#inner.list(...asked);
  readonly close: Log["close"] = () => this.#inner.close();

  #life(channel: string, epoch: string): Publication[] {
    const lives = this.#lives.get(channel) ?? new Map<string, Publication[]>();
    this.#lives.set(channel, lives);
    const life = lives.get(epoch) ?? [];
    lives.set(epoch, life);
    return life;
  }
}
