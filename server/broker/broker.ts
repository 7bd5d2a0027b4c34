import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position, Since } from "../../protocol/position.ts";
import type { Draft, Publication } from "../../protocol/publication.ts";
import type { Moment } from "../lib/clock.ts";
import type { ChannelSummary, History, HistoryRules, ReadOptions } from "./log.ts";

/**
 * Carries publications between workers and keeps their history.
 *
 * History and delivery are one seam because they must be one step: a publication that is delivered but not stored, or
 * stored in another order than delivered, breaks resume. Every delivery goes through the broker, even in one process.
 * A broker may lose deliveries (its connection can break); its user checks the offsets and repairs gaps.
 */
export interface Broker {
  /**
   * Whether texts of a draft may be slices of a request: `publish` has copied what it keeps when it returns. To any other broker,
   * a draft is given with its own texts, see `ownDraft`.
   */
  readonly copiesTexts?: boolean;
  /** Connects, and from then on calls `events` for every channel this worker listens to. Called once. */
  start(events: BrokerEvents): Promise<void>;
  /**
   * Stores the draft and sends it to every listening worker, this one included. Drafts of one caller are stored in the
   * order of the calls. No order is promised between the answer and the delivery to this worker. Ephemeral ones are only
   * sent, in order with the others, and are never duplicates. Answers at once if it stores in this process's memory.
   * Rejects with ServiceError "broker-unavailable" if it may not be stored, "idempotency-full", "too-many-channels".
   * @param moment the time in this process, if the caller has just read it, so that a log in memory need not read it again
   */
  publish(draft: Draft, rules: HistoryRules, moment?: Moment): Published | Promise<Published>;
  /**
   * Resolves with the top, once nothing published after that top can be missed.
   * @param publisher the client that is charged for the channel if it is new, as in `Draft`
   */
  listen(channel: ChannelName, publisher?: string): Promise<Position>;
  unlisten(channel: ChannelName): Promise<void>;
  /**
   * The publications after `since`, oldest first, or the reason why some may be missing. At most `limit` publications and at most
   * `maxBytes` by `costOf`, but one publication whatever its size.
   */
  history(channel: ChannelName, since: Since, options: ReadOptions): Promise<History>;
  /**
   * The tops of many channels in one request.
   * @param seen The highest position that the caller knows of some of these channels. A channel whose record is behind it
   * in the same epoch has lost offsets that were assigned: it continues in a new epoch, and `onReset` tells every
   * worker that listens to it. So no top is behind the publications that its caller has seen.
   */
  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>>;
  /** Finishes accepted work, then closes every connection and timer. Idempotent. */
  close(): Promise<void>;
}

/** Callbacks of a broker. They must not throw or wait. */
export interface BrokerEvents {
  /**
   * In offset order per channel, as far as the broker knows; ephemeral ones (offset 0) among them.
   * @param receivedAt by the monotonic clock, if the broker knows it
   */
  onPublication(publication: Publication, receivedAt?: number): void;
  /** The connection broke and was restored: deliveries may be missing. */
  onBreak(): void;
  /**
   * A channel that this worker listens to has a new epoch, because its numbering went back (storage lost its tail, or an
   * older copy was restored). `top` is its position now; its epoch was never used for this channel before. No order is
   * promised between this and the first publication of the new epoch, and it may be called more than once.
   */
  onReset(channel: ChannelName, top: Position): void;
  /** Whether publishing can work now; called when it is started and on each change. */
  onHealth(healthy: boolean): void;
}

/** The result of publishing. An ephemeral publication has no position. */
export interface Published {
  readonly id: string;
  readonly position: Position | undefined;
  /** The same id was stored before: this is the first one's position. */
  readonly duplicate: boolean;
  /** Workers that listened to the channel when it was sent; undefined for a duplicate, which is not sent again. */
  readonly listeners: number | undefined;
}

/** Lists channels that are known anywhere; brokers that keep history in one place have it. */
export interface ChannelDirectory {
  /** One channel, or undefined if it is not known. Does not create it. Constant time. */
  summary(channel: ChannelName): Promise<ChannelSummary | undefined>;
  list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]>;
}
