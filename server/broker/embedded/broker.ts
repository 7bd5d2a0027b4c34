import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft, Publication } from "../../../protocol/publication.ts";
import { alignedDelay } from "../../lib/aligned-delay.ts";
import { backoff } from "../../lib/backoff.ts";
import { type Clock, type Moment, systemClock, type Timer } from "../../lib/clock.ts";
import { UnusableStorage } from "../../lib/unusable-storage.ts";
import type { Broker, BrokerEvents, ChannelDirectory, Published } from "../broker.ts";
import { costOf } from "../cost-of.ts";
import type { Appended, ChannelSummary, History, HistoryRules, Log, LogEntry, ReadOptions } from "../log.ts";
import { toPublication } from "../to-publication.ts";
import { unavailable } from "../unavailable.ts";

/** Limits for one append, in drafts and bytes: in a larger batch the first drafts would wait for the last. */
const maxBatch = 1000;
const maxBatchBytes = 4 * 1024 * 1024;
/** How often the log is probed while nothing is published. */
const watchMs = 2000;
/** Limit for drafts that wait for a slow log, including those being stored; bytes by `costOf`. Further ones are refused. */
const maxWaitingBytes = 64 * 1024 * 1024;

interface Waiting extends LogEntry {
  readonly bytes: number;
  readonly resolve: (published: Published) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The broker of a server that is one process: numbering, storing and delivering around a log of its own.
 *
 * One append is in flight at a time, and drafts published in the meantime form the next one. With a log in memory, an append
 * holds the drafts of one turn of the event loop. With a log on disk, it is one transaction with all drafts that arrived
 * during the last one. Drafts are delivered in order once their append is answered, so only stored drafts are delivered.
 *
 * When the log fails, the drafts of the append are refused with "broker-unavailable" and not delivered, and health is false
 * until the log works again. An empty append probes it: every 2 seconds, so that a failure is noticed even if nobody
 * publishes, and with growing pauses after a failure.
 */
export class EmbeddedBroker implements Broker, ChannelDirectory {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #listened = new Set<ChannelName>();
  #events: BrokerEvents | undefined;
  #waiting: Waiting[] = [];
  #waitingBytes = 0;
  #running: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #failures = 0;
  /** The next probe of the log: soon after a failure, otherwise periodic. */
  #probe: Timer | undefined;

  constructor(log: Log, clock: Clock = systemClock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** A log that stores at once copies all texts, and the next flush copies delivered publications. */
  get copiesTexts(): boolean {
    return this.#log.enter !== undefined;
  }

  /** @throws the log's error if it cannot be opened. The broker cannot be used then. */
  async start(events: BrokerEvents): Promise<void> {
    await this.#log.open();
    this.#events = events;
    events.onHealth(true);
    this.#probeAfter(watchMs);
  }

  publish(draft: Draft, rules: HistoryRules, moment?: Moment): Published | Promise<Published> {
    if (this.#closing !== undefined) return Promise.reject(unavailable("the server is shutting down"));
    if (this.#log.enter !== undefined) return this.#publishNow(draft, rules, moment);
    const bytes = costOf(draft);
    if (this.#waitingBytes + bytes > maxWaitingBytes) {
      return Promise.reject(unavailable("too many publications are waiting to be stored"));
    }
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ draft, rules, bytes, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Listens first and reads the top second, so that no publication is missed in between. */
  async listen(channel: ChannelName, publisher?: string): Promise<Position> {
    this.#listened.add(channel);
    const top = (await this.#log.tops([channel], undefined, publisher)).get(channel);
    if (top === undefined) throw new Error(`the log returned no position for ${channel}`);
    return top;
  }

  async unlisten(channel: ChannelName): Promise<void> {
    this.#listened.delete(channel);
  }

  history(channel: ChannelName, since: Since, options: ReadOptions): Promise<History> {
    return this.#log.read(channel, since, options);
  }

  async tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    const tops = await this.#log.tops(channels, seen);
    for (const [channel, { epoch }] of seen ?? []) {
      const top = tops.get(channel);
      if (top !== undefined && top.epoch !== epoch && this.#listened.has(channel)) this.#events?.onReset(channel, top);
    }
    return tops;
  }

  summary(channel: ChannelName): Promise<ChannelSummary | undefined> {
    return this.#log.summary(channel);
  }

  list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]> {
    return this.#log.list(prefix, after, limit);
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish();
    return this.#closing;
  }

  async #finish(): Promise<void> {
    await this.#running;
    this.#probe?.cancel();
    this.#listened.clear();
    await this.#log.close();
  }

  /**
   * Stores and delivers within this call. Hot path: through the queue, a publication in memory would cost four promises more
   * (bench/direct: 2 µs).
   */
  #publishNow(draft: Draft, rules: HistoryRules, moment: Moment | undefined): Published | Promise<Published> {
    if (draft.ephemeral === true) return this.#sendEphemeral(draft);
    const published = this.#deliverStored(this.#log.enter?.(draft, rules, moment), moment?.monotonic);
    return published instanceof Error ? Promise.reject(published) : published;
  }

  async #run(): Promise<void> {
    await undefined; // drafts of the same turn share an append
    while (this.#waiting.length > 0) {
      const batch = this.#takeBatch();
      const stored = batch.filter(({ draft }) => draft.ephemeral !== true);
      this.#settle(batch, stored.length === 0 ? [] : await this.#append(stored));
    }
    this.#running = undefined;
  }

  #takeBatch(): readonly Waiting[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(maxBatch, this.#waiting.length); count++) {
      bytes += this.#waiting[count]?.bytes ?? 0;
      if (bytes > maxBatchBytes && count > 0) break;
    }
    return this.#waiting.splice(0, count);
  }

  /** The results, one per entry, or the reason why there are none. */
  async #append(entries: readonly LogEntry[]): Promise<readonly Appended[] | ServiceError> {
    try {
      const appended = await this.#log.append(entries);
      if (this.#failures > 0) this.#recovered();
      return appended;
    } catch (error) {
      this.#failed(error);
      return error instanceof ServiceError ? error : unavailable("storage failed", error);
    }
  }

  /** Answers and delivers in the order of the calls, ephemeral drafts included. */
  #settle(batch: readonly Waiting[], appended: readonly Appended[] | ServiceError): void {
    let next = 0;
    for (const waiting of batch) {
      this.#waitingBytes -= waiting.bytes;
      if (waiting.draft.ephemeral === true) waiting.resolve(this.#sendEphemeral(waiting.draft));
      else if (appended instanceof ServiceError) waiting.reject(appended);
      else this.#answer(waiting, appended[next++]);
    }
  }

  #answer({ resolve, reject }: Waiting, appended: Appended | undefined): void {
    const published = this.#deliverStored(appended);
    if (published instanceof Error) reject(published);
    else resolve(published);
  }

  /** Delivers what was stored. @returns the answer for its publisher, or the error */
  #deliverStored(appended: Appended | undefined, receivedAt?: number): Published | Error {
    switch (appended?.outcome) {
      case "stored": {
        const { id, epoch, offset } = appended.publication;
        const listeners = this.#deliver(appended.publication, receivedAt);
        return { id, position: { epoch, offset }, duplicate: false, listeners };
      }
      case "duplicate":
        return { id: appended.id, position: appended.position, duplicate: true, listeners: undefined };
      case "refused":
        return appended.error;
      default:
        return new Error("the log returned fewer results than it was given entries");
    }
  }

  #sendEphemeral(draft: Draft): Published {
    const id = draft.id ?? crypto.randomUUID();
    const listeners = this.#deliver(toPublication(draft, { id, epoch: "", offset: 0, timestamp: this.#clock.now() }));
    return { id, position: undefined, duplicate: false, listeners };
  }

  /** @returns the number of listening processes: this one, or none */
  #deliver(publication: Publication, receivedAt?: number): 0 | 1 {
    if (!this.#listened.has(publication.channel)) return 0;
    try {
      this.#events?.onPublication(publication, receivedAt);
    } catch (error) {
      // A bug in the receiver must not affect the other drafts; the comparison of tops fetches missed publications.
      logger().error("A publication could not be delivered: {error}", { error });
    }
    return 1;
  }

  #probeAfter(ms: number): void {
    this.#probe?.cancel();
    if (this.#closing !== undefined) return;
    this.#probe = this.#clock.setTimeout(async () => {
      await this.#append([]);
      if (this.#failures === 0) this.#probeAfter(alignedDelay(this.#clock, watchMs));
    }, ms);
  }

  #failed(error: unknown): void {
    this.#failures++;
    if (this.#failures === 1) {
      logFailure(error);
      this.#events?.onHealth(false);
    }
    this.#probeAfter(backoff(this.#failures));
  }

  #recovered(): void {
    this.#failures = 0;
    this.#probeAfter(watchMs);
    logger().info("Storage works again.");
    this.#events?.onHealth(true);
  }
}

/** A problem that the operator can fix is logged in one line, a bug with its stack. */
function logFailure(error: unknown): void {
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof UnusableStorage) logger().error("Storage failed: {reason}", { reason: cause.message });
  else logger().error("Storage failed: {error}", { error });
}

function logger() {
  return getLogger(["fanfare", "broker"]);
}
