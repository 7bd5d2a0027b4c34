import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { present } from "../../../protocol/codec.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { type Clock, systemClock } from "../../lib/clock.ts";
import { steadyTime } from "../../lib/steady-time.ts";
import { UnusableStorage } from "../../lib/unusable-storage.ts";
import { Sweeper } from "../ledger/sweeper.ts";
import type { Appended, ChannelSummary, History, HistoryRules, LogEntry, ReadOptions, RuledLog } from "../log.ts";
import { defaultLogLimits, type LogLimits } from "../log-limits.ts";
import { toPublication } from "../to-publication.ts";
import { HistoryThread, StalledThread } from "./history-thread.ts";
import { meaningOf, StorageError } from "./storage-error.ts";
import { parseBody } from "./stored-body.ts";
import type { Answer, Placed, Request, StoredStretch } from "./thread-messages.ts";

/** Settings of a durable log. */
export interface SqliteLogOptions extends Partial<LogLimits> {
  /** Created if it is missing. Used by this log alone. */
  readonly directory: string;
  readonly clock?: Clock;
  /** The rules of a channel under the current settings. Without it, those of its last publication apply. */
  rulesOf?(channel: ChannelName): HistoryRules;
  /** For tests that end the thread. */
  makeThread?(onNote: (note: string) => void): HistoryThread;
}

/** A thread that ended is replaced at most this often. */
const restartMs = 1000;

/**
 * Keeps everything in a file, so that history, epochs, offsets and ids survive the process, even a crash. Memory holds only
 * the row of each publication. A separate thread does all the work and answers after the commit.
 */
export class SqliteLog implements RuledLog {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #limits: LogLimits;
  readonly #now: () => number;
  #rulesOf: ((channel: ChannelName) => HistoryRules) | undefined;
  readonly #makeThread: (onNote: (note: string) => void) => HistoryThread;
  #thread: HistoryThread | undefined;
  #opening: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #sweeper: Sweeper | undefined;
  #isSwept = true;
  #sweepsWaiting = 0;
  #restarting: Promise<void> | undefined;
  #startedAt = 0;

  constructor({ directory, clock = systemClock, rulesOf, makeThread = newThread, ...limits }: SqliteLogOptions) {
    this.#directory = directory;
    this.#clock = clock;
    this.#now = steadyTime(clock);
    this.#rulesOf = rulesOf;
    this.#makeThread = makeThread;
    this.#limits = { ...defaultLogLimits, ...limits };
  }

  /** @throws UnusableStorage */
  open(): Promise<void> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async append(entries: readonly LogEntry[]): Promise<readonly Appended[]> {
    const request: Request = { verb: "append", entries: bare(entries), ...this.#times() };
    const answer = await this.#ask(request, notStored);
    if (answer.verb !== "appended") throw unexpected(answer);
    return answer.placed.map((placed, at) => toAppended(placed, entries[at]?.draft));
  }

  async read(channel: ChannelName, since: Since, options: ReadOptions): Promise<History> {
    const answer = await this.#ask({ verb: "read", channel, since, options, now: this.#now() }, notRead);
    if (answer.verb !== "read") throw unexpected(answer);
    return toHistory(channel, answer);
  }

  async tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
    publisher?: string,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    const answer = await this.#ask({ verb: "tops", channels, options: { seen, publisher }, now: this.#now() }, notRead);
    if (answer.verb !== "tops") throw unexpected(answer);
    return answer.tops;
  }

  async summary(channel: ChannelName): Promise<ChannelSummary | undefined> {
    const answer = await this.#ask({ verb: "summary", channel, now: this.#now() }, notRead);
    if (answer.verb !== "summary") throw unexpected(answer);
    return answer.summary;
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]> {
    const answer = await this.#ask({ verb: "list", prefix, after, limit, now: this.#now() }, notRead);
    if (answer.verb !== "list") throw unexpected(answer);
    return answer.summaries;
  }

  async applyRules(rulesOf: (channel: ChannelName) => HistoryRules): Promise<void> {
    this.#rulesOf = rulesOf;
    const answer = await this.#ask({ verb: "channelRules", now: this.#now() }, notRead);
    if (answer.verb !== "channelRules") throw unexpected(answer);
    const rules = this.#changedRules(answer.channelRules);
    if (rules.length > 0) await this.#ask({ verb: "setRules", rules, now: this.#now() }, notStored);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #times(): { readonly now: number; readonly wall: number } {
    return { now: this.#now(), wall: this.#clock.now() };
  }

  async #open(): Promise<void> {
    if (this.#closing !== undefined) throw new Error("a log that was closed cannot be opened again");
    try {
      await this.#start();
    } catch (error) {
      await this.close();
      throw error;
    }
    if (this.#closing === undefined) this.#sweeper = new Sweeper(this.#clock, () => this.#sweep());
  }

  /** Starts a thread and opens the history in it. @throws its error */
  async #start(): Promise<void> {
    const thread = this.#makeThread((note) => logger().warn(note));
    this.#thread = thread;
    this.#startedAt = this.#clock.monotonic();
    const answer = await thread.ask({
      verb: "open",
      directory: this.#directory,
      limits: this.#limits,
      ...this.#times(),
    });
    if (answer.verb === "failed") throw failure(answer);
    if (answer.verb !== "opened") throw unexpected(answer);
    const changed = this.#changedRules(answer.channelRules);
    if (changed.length === 0) return;
    const channelRules = await thread.ask({ verb: "setRules", rules: changed, now: this.#now() });
    if (channelRules.verb === "failed") throw failure(channelRules);
  }

  #changedRules(
    channelRules: readonly (readonly [ChannelName, HistoryRules])[],
  ): readonly (readonly [ChannelName, HistoryRules])[] {
    const rulesOf = this.#rulesOf;
    if (rulesOf === undefined) return [];
    return channelRules.flatMap(([channel, before]) => {
      const { historySize, historyTtl, historyBytes } = rulesOf(channel);
      const isSame =
        before.historySize === historySize && before.historyTtl === historyTtl && before.historyBytes === historyBytes;
      return isSame ? [] : [[channel, { historySize, historyTtl, historyBytes }] as const];
    });
  }

  /**
   * Replaces a thread that ended because of a bug or lack of memory. Requests in flight to the old one may or may not have
   * taken effect. Everything that it had answered is in the file.
   * @throws the error of the new thread
   */
  #restart(): Promise<void> {
    this.#restarting ??= this.#replaceThread().finally(() => {
      this.#restarting = undefined;
    });
    return this.#restarting;
  }

  async #replaceThread(): Promise<void> {
    await this.#thread?.end();
    if (this.#closing !== undefined) throw new Error("the log is closed");
    try {
      await this.#start();
      logger().info("The storage thread was restarted.");
    } catch (error) {
      await this.#thread?.end();
      throw error;
    }
  }

  async #close(): Promise<void> {
    this.#sweeper?.close();
    try {
      await this.#ask({ verb: "close", ...this.#times() }, notStored);
    } catch {
      // Everything acknowledged is already in the file. Closing must finish even if the disk fails.
    }
    await this.#thread?.end();
  }

  /** Requests a sweep and does not wait for it. @returns whether the last answered sweep was complete */
  #sweep(): boolean {
    if (this.#isSwept || this.#sweepsWaiting === 0) {
      this.#sweepsWaiting++;
      this.#ask({ verb: "sweep", ...this.#times() }, notStored)
        // A failure is reported by the next append; sweeping can wait until then.
        .then(
          (answer) => answer.verb !== "done" || answer.isDone,
          () => true,
        )
        .then((isSwept) => {
          this.#sweepsWaiting--;
          this.#isSwept = isSwept;
        });
    }
    return this.#isSwept;
  }

  /** @throws ServiceError; "broker-unavailable" if the storage or the thread failed. */
  async #ask(request: Request, consequence: string): Promise<Answer> {
    const asked = this.#hasToRestart ? this.#restart().then(() => this.#askThread(request)) : this.#askThread(request);
    const answer = await asked.catch((cause: unknown) => {
      if (cause instanceof StalledThread) throw this.#stalled(consequence);
      throw new ServiceError("broker-unavailable", `storage failed; ${consequence}`, { cause });
    });
    if (answer.verb === "refused") throw new ServiceError(answer.code, answer.message);
    if (answer.verb !== "failed") return answer;
    const message = `storage failed: ${meaningOf(answer.fault)}; ${consequence}`;
    throw new ServiceError("broker-unavailable", message, { cause: failure(answer) });
  }

  #stalled(consequence: string): ServiceError {
    const cause = new UnusableStorage(new StorageError("stalled", this.#directory).message);
    return new ServiceError("broker-unavailable", `storage failed: ${meaningOf("stalled")}; ${consequence}`, { cause });
  }

  #askThread(request: Request): Promise<Answer> {
    return this.#thread?.ask(request) ?? Promise.reject(new Error("the log is not open"));
  }

  get #hasToRestart(): boolean {
    if (this.#restarting !== undefined) return true;
    if (this.#thread?.hasEnded !== true || this.#closing !== undefined) return false;
    return this.#clock.monotonic() - this.#startedAt >= restartMs;
  }
}

const newThread = (onNote: (note: string) => void) => new HistoryThread(onNote);

function logger() {
  return getLogger(["fanfare", "broker"]);
}

const notStored = "the message may or may not be stored; retry with the same id";
const notRead = "history cannot be read now; retry later";

/** Entries and rules without other properties of the caller's objects, because functions cannot be sent to a thread. */
function bare(entries: readonly LogEntry[]): readonly LogEntry[] {
  const known = new Map<HistoryRules, HistoryRules>();
  return entries.map(({ draft, rules }) => {
    let its = known.get(rules);
    if (its === undefined) {
      const { historySize, historyTtl, historyBytes } = rules;
      its = { historySize, historyTtl, historyBytes };
      known.set(rules, its);
    }
    return { draft, rules: its };
  });
}

/** An unknown fault may be a bug in this program, so it is not reported as a storage problem. */
function failure({ fault, message, cause }: Extract<Answer, { verb: "failed" }>): Error {
  const options = cause === "" ? {} : { cause: new Error(cause) };
  return fault === "unknown" ? new Error(message, options) : new UnusableStorage(message, options);
}

function unexpected({ verb }: Answer): Error {
  return new Error(`the storage thread gave an unexpected answer: ${verb}`);
}

function toAppended(placed: Placed, draft: Draft | undefined): Appended {
  if (placed.outcome === "duplicate") return placed;
  if (placed.outcome === "refused") {
    const { code, message, retryAfterMs } = placed;
    return { outcome: "refused", error: new ServiceError(code, message, present({ retryAfterMs })) };
  }
  if (draft === undefined) throw new Error("the storage thread returned more results than drafts");
  return { outcome: "stored", publication: toPublication(draft, placed) };
}

function toHistory(channel: ChannelName, { top, gap, publications }: StoredStretch): History {
  const { epoch } = top;
  return {
    top,
    gap,
    publications: publications.map(({ offset, timestamp, body }) => ({
      ...parseBody(body),
      channel,
      epoch,
      offset,
      timestamp,
    })),
  };
}
