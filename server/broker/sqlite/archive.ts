import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { KeptChannel, PageBounds } from "../ledger/kept-channel.ts";
import type { ChannelSummary } from "../log.ts";
import type { LogLimits } from "../log-limits.ts";
import { type Filed, FiledLedger } from "./filed-ledger.ts";
import type { HistoryFile } from "./history-file.ts";
import { DamagedHistory } from "./storage-error.ts";
import type { AppendRequest, Placed, StoredPublication, StoredStretch } from "./thread-messages.ts";

/** Channels, ids and publications per slice: a few milliseconds. */
const sweepSteps = 10_000;
/** After a failure drafts are refused for so long without another try, which would be dear. */
const restMs = 1000;

/**
 * Keeps a ledger and its file in step: what is answered is committed.
 *
 * When a transaction fails, the ledger that ran ahead is thrown away and a new one loaded from the file, so that no offset
 * is left out, and none given twice. Then drafts are refused until writing works again, which an empty append finds out at
 * once, and any other a second after the last failure. Reading goes on meanwhile.
 *
 * @throws what the file throws, from every method.
 */
export class Archive {
  readonly #file: HistoryFile;
  readonly #limits: LogLimits;
  #ledger: FiledLedger | undefined;
  /** Channels that were answered with an epoch before the ledger that knew them was thrown away. */
  #unsaved: readonly KeptChannel<Filed>[] = [];
  #failure: { readonly error: unknown; readonly at: number } | undefined;

  constructor(file: HistoryFile, limits: LogLimits, now: number) {
    this.#file = file;
    this.#limits = limits;
    this.#ledger = FiledLedger.load(file, limits, now);
  }

  /** All requests in one transaction. @returns what became of each entry of each request. */
  append(requests: readonly AppendRequest[], now: number): readonly (readonly Placed[])[] {
    const isProbe = requests.some(({ entries }) => entries.length === 0);
    if (this.#failure !== undefined && !isProbe && Math.abs(now - this.#failure.at) < restMs) throw this.#failure.error;
    if (isProbe || this.#failure !== undefined) this.#transact(now, () => this.#file.touch(now));
    if (requests.every(({ entries }) => entries.length === 0)) return requests.map(() => []);
    return this.#write(now, (ledger) =>
      requests.map((request) => request.entries.map((entry) => placed(ledger.enter(entry, request.now)))),
    );
  }

  read(channel: ChannelName, since: Since, bounds: PageBounds, now: number): StoredStretch {
    const { top, gap, items } = this.#current(now).ledger.read(channel, since, bounds, now);
    return { top, gap, publications: items.map((filed) => this.#publication(filed)) };
  }

  /** @throws ServiceError "too-many-channels" */
  tops(
    channels: readonly ChannelName[],
    now: number,
    seen?: ReadonlyMap<ChannelName, Position>,
  ): ReadonlyMap<ChannelName, Position> {
    if (seen === undefined) return this.#current(now).ledger.tops(channels, now);
    // A new epoch that was answered and not written would be another one after the next start.
    return this.#write(now, ({ ledger }) => ledger.tops(channels, now, seen));
  }

  summary(channel: ChannelName, now: number): ChannelSummary | undefined {
    return this.#current(now).ledger.summary(channel, now);
  }

  list(prefix: string, after: string, limit: number, now: number): readonly ChannelSummary[] {
    return this.#current(now).ledger.list(prefix, after, limit, now);
  }

  /** Takes away some of what is over its time. @returns whether nothing is left to do. */
  sweep(now: number): boolean {
    const ledger = this.#current(now);
    const isSwept = ledger.sweep(now, sweepSteps);
    if (this.#failure !== undefined) return isSwept;
    return this.#write(now, () => ledger.dropSlice(now)) && isSwept;
  }

  /** Writes what is left to write. The archive is of no use afterwards, whether that worked or not. */
  close(now: number): void {
    try {
      if (this.#ledger?.isAhead === true && this.#failure === undefined) this.#write(now, () => {});
    } finally {
      this.#file.close();
    }
  }

  #publication({ row, offset, at }: Filed): StoredPublication {
    const body = this.#file.bodyOf(row);
    if (body === undefined) throw new DamagedHistory(`row ${row} of the history is gone`);
    return { offset, timestamp: at, body };
  }

  #current(now: number): FiledLedger {
    if (this.#ledger !== undefined) return this.#ledger;
    const ledger = FiledLedger.load(this.#file, this.#limits, now);
    for (const channel of this.#unsaved) ledger.takeOver(channel, now);
    this.#unsaved = [];
    this.#ledger = ledger;
    return ledger;
  }

  /** A transaction that the ledger takes part in: with it, or without both. */
  #write<Result>(now: number, run: (ledger: FiledLedger) => Result): Result {
    const ledger = this.#current(now);
    try {
      const result = this.#transact(now, () => {
        const ran = run(ledger);
        ledger.save();
        return ran;
      });
      ledger.saved();
      return result;
    } catch (error) {
      this.#unsaved = ledger.unsaved();
      this.#ledger = undefined;
      throw error;
    }
  }

  #transact<Result>(now: number, run: () => Result): Result {
    try {
      this.#file.begin();
      const result = run();
      this.#file.commit();
      this.#failure = undefined;
      return result;
    } catch (error) {
      this.#failure = { error, at: now };
      this.#file.rollback();
      throw error;
    }
  }
}

function placed({ entered, place }: ReturnType<FiledLedger["enter"]>): Placed {
  if (entered.outcome === "duplicate") return entered;
  if (entered.outcome === "refused") {
    return { outcome: "refused", code: entered.error.code, message: entered.error.message };
  }
  if (place === undefined) throw new Error("what was stored has no place");
  return { outcome: "stored", ...place };
}
