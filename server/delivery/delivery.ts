import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Broker } from "../broker/broker.ts";
import { ChunkPool } from "../broker/records/chunk-pool.ts";
import type { Clock } from "../lib/clock.ts";
import type { Account } from "../limits/account.ts";
import type { Batch } from "../session/batch.ts";
import { Membership, type Session } from "../session/session.ts";
import type { Gap } from "../trace/records.ts";
import { Flush } from "./flush.ts";
import { FlushWindow } from "./flush-window.ts";
import { gapFrame } from "./gap.ts";
import { Interest } from "./interest.ts";
import type { ListenedChannel } from "./listened-channel.ts";
import type { Measures } from "./measures.ts";
import { Pump } from "./pump.ts";
import { Sequencer } from "./sequencer.ts";
import { type ReadHistory, shareHistory } from "./shared-history.ts";

/** Beyond this a channel is flushed without waiting for the window, so that the tail does not overflow. Measured by `Push.bytes`. */
const maxPendingBytes = 512 * 1024;
/** A blocked socket is written to again once less than this is buffered: enough to keep it busy until the next turn. */
const resumeBelowBytes = 16 * 1024;
/** With fewer streams a flush counts as cheap, whatever else the event loop was doing. */
const manyStreams = 100;

export interface DeliverySettings {
  readonly flushWindowMs: number;
  /** Bytes of recent publications kept in this worker, per channel and in all, chunks for lagging sessions included. */
  readonly tailBytes: number;
  readonly tailBytesTotal: number;
  /** Bytes of the largest publication. */
  readonly maxMessageBytes: number;
}

/** The part of the memory for recent publications that is for chunks shared by lagging sessions. */
const chunkShare = 1 / 8;
/** The maximum number of concurrent history reads, and the bytes their answers should take together. One answer may be one large publication. */
const mostReads = 16;
const bytesOfReads = 32 * 1024 * 1024;

/** Callbacks of delivery. */
export interface DeliveryEvents {
  /** All of the session's channels are level. */
  onLevel(session: Session): void;
  sessionById(id: string): Session | undefined;
  /** How long a channel keeps its messages, in milliseconds. */
  historyTtlOf(channel: ChannelName): number;
  /** Whether a write of this size to the session may begin, given what is buffered for other connections. */
  hasRoomFor(bytes: number, session: Session): boolean;
  /** The account that is charged when a session catches up. */
  accountOf(session: Session): Pick<Account, "waitFor" | "spend">;
  /** A session was told by a gap that it cannot receive publications. */
  onGap(session: Session, channel: ChannelName, gap: Gap): void;
  /** A flush has written a batch to so many connections of this worker. Called after all writes. Must not throw. */
  readonly onFlushed?: ((batch: Batch, connections: number) => void) | undefined;
  /** All sessions in a channel were told so. */
  onChannelGap(channel: ChannelName, gap: Gap): void;
}

/**
 * Delivers publications inside one worker: sequencer, tail, flush or pump, session. Cursor rule: level sessions get
 * flushed+1..head with the next flush; lagging sessions are pumped up to `flushed` and not beyond.
 */
export class Delivery {
  readonly interest: Interest;
  readonly history: ReadHistory;
  readonly #flush: Flush;
  readonly #window: FlushWindow;
  readonly #pump: Pump;
  readonly #sequencer: Sequencer;
  readonly #clock: Clock;
  readonly #events: DeliveryEvents;
  #blocked = 0;

  constructor(broker: Broker, settings: DeliverySettings, events: DeliveryEvents, clock: Clock) {
    this.#clock = clock;
    this.#events = events;
    this.history = shareHistory((...asked) => broker.history(...asked), maxReads(settings.maxMessageBytes));
    const chunkBytes = settings.tailBytesTotal * chunkShare;
    const total = settings.tailBytesTotal - chunkBytes;
    const budget = { perChannel: settings.tailBytes, total, bytes: 0, chunks: new ChunkPool() };
    this.interest = new Interest(broker, budget, clock);
    this.#flush = new Flush(
      {
        onFull: this.block,
        onRefused: (session, batches) => this.#refused(session, batches),
        onPostponed: (session, batches) => this.#postpone(session, batches),
        sessionById: events.sessionById,
        hasRoomFor: events.hasRoomFor,
        onFlushed: events.onFlushed,
      },
      clock,
    );
    this.#window = new FlushWindow(settings.flushWindowMs, clock, () => this.flushNow());
    const get = (name: ChannelName) => this.interest.get(name);
    const { onLevel, hasRoomFor, accountOf, onGap } = events;
    const reports = { onFull: this.block, onLevel, onGap };
    this.#pump = new Pump({ get, history: this.history, hasRoomFor, accountOf, ...reports }, chunkBytes, clock);
    this.#sequencer = new Sequencer(
      {
        get,
        channels: () => this.interest.channels(),
        history: this.history,
        tops: (channels, seen) => broker.tops(channels, seen),
        onEarly: (publication) => this.interest.keepEarly(publication),
        onAppended: (channel) => this.#appended(channel),
        onGap: (channel, next) => this.#handleGap(channel, next),
        onFault: (channel, error) => {
          for (const { session } of [...channel.members()]) session.fail(error);
        },
      },
      clock,
    );
    this.#sequencer.start();
  }

  /** Requests to continue from a position, by whether nothing was missing. Plain additions, read by the scraper. */
  readonly resumes = { complete: 0, incomplete: 0 };

  /** Plain additions, read by the scraper. */
  get counts() {
    return { ...this.#flush.counts, pumped: this.#pump.counts.deliveries, gaps: this.#pump.counts.gaps };
  }

  /** Histograms about flushes. */
  get measures(): Measures {
    return this.#flush.measures;
  }

  /**
   * Whether the first publication after this offset in the tail is older than the channel's TTL. If so, history decides where
   * to start. The tail is limited by bytes only, for the sake of lagging members.
   */
  isExpired({ name, tail }: ListenedChannel, after: number): boolean {
    const receivedAt = tail.receivedAtAfter(after);
    return receivedAt !== undefined && this.#clock.monotonic() - receivedAt > this.#events.historyTtlOf(name);
  }

  /** Handles one publication from the broker. */
  readonly receive = (publication: Publication, receivedAt?: number): void =>
    this.#sequencer.receive(publication, receivedAt);

  /** The broker reports that a channel has a new epoch. */
  readonly reset = (channel: ChannelName, top: Position): void => this.#sequencer.reset(channel, top);

  /** Publications may have been lost: fetches the missing ones. */
  checkAll(): void {
    void this.#sequencer.compareTops();
  }

  /** Resolves once everything stored in the channel now has arrived here, or cannot be fetched. */
  catchUp(channel: ListenedChannel): Promise<void> {
    return this.#sequencer.catchUp(channel);
  }

  /**
   * Adds a session to a channel, after the offset `cursor`. It is level at once if that is `flushed`.
   * @param recovered see Membership
   */
  join(session: Session, channel: ListenedChannel, cursor: number, recovered?: boolean): void {
    const membership = new Membership(session, channel, cursor, this.#clock.now());
    membership.recovered = recovered;
    session.memberships.add(membership);
    if (cursor === channel.flushed && !session.isBlocked) {
      channel.makeLevel(membership);
      return;
    }
    channel.makeLagging(membership, cursor);
    if (!session.isBlocked) this.#pump.add(session);
  }

  /** Removes a session from a channel and releases the channel. Nothing of it is sent afterwards. */
  leave(session: Session, name: ChannelName): boolean {
    const membership = session.memberships.get(name);
    if (membership === undefined) return false;
    session.memberships.delete(name);
    this.interest.get(name)?.remove(membership);
    this.interest.release(name);
    return true;
  }

  /** The session has ended. */
  leaveAll(session: Session): void {
    if (session.isBlocked) this.#blocked--;
    session.isBlocked = false;
    this.#pump.remove(session);
    for (const name of session.memberships.names()) this.leave(session, name);
  }

  /** The session's socket has sent some of its buffered bytes. */
  drained(session: Session): void {
    if (!session.isBlocked || session.connection.buffered() > resumeBelowBytes) return;
    session.isBlocked = false;
    this.#blocked--;
    this.#pump.add(session);
    session.answering?.onRoom();
  }

  /** The session's connection accepted a write and has no more room: the session lags until the socket drains. */
  readonly block = (session: Session): void => {
    if (!session.isBlocked) this.#blocked++;
    session.isBlocked = true;
    for (let membership = session.memberships.first; membership !== undefined; membership = membership.next) {
      if (!membership.isLevel) continue;
      this.interest.get(membership.channel.name)?.makeLagging(membership, membership.channel.flushed);
    }
  };

  /** Number of sessions whose socket is full. */
  get blocked(): number {
    return this.#blocked;
  }

  /** Number of memberships that are behind. Counted on request. */
  get lagging(): number {
    let count = 0;
    for (const channel of this.interest.channels()) count += channel.lagging.size;
    return count;
  }

  /** Sends everything that is pending now. */
  flushNow(): void {
    const startedAt = this.#clock.monotonic();
    this.#flush.run();
    this.interest.shrinkTails();
    this.#recordCost(startedAt);
    if (this.#flush.postponed >= manyStreams) this.#recordCostLater(startedAt);
  }

  close(): void {
    this.#sequencer.close();
    this.interest.close();
  }

  #recordCost(startedAt: number): void {
    const now = this.#clock.monotonic();
    this.#window.recordCost(now - startedAt, now);
  }

  /** The runtime writes streams after this turn, and that time counts too. */
  #recordCostLater(startedAt: number): void {
    this.#clock.setImmediate(() => this.#recordCost(startedAt));
  }

  #appended(channel: ListenedChannel): void {
    this.#flush.mark(channel);
    if (channel.tail.pendingBytes >= maxPendingBytes) this.flushNow();
    else this.#window.request();
  }

  /** The connection accepted nothing: in the channels of these batches the cursors stay before them. */
  #refused(session: Session, batches: readonly Batch[]): void {
    this.block(session);
    for (const batch of batches) session.memberships.get(batch.channel)?.moveTo(batch.after);
  }

  /** The pump sends the messages that the session did not get in this flush, in turn with other sessions. */
  #postpone(session: Session, batches: readonly Batch[]): void {
    for (const { channel, after } of batches) {
      const membership = session.memberships.get(channel);
      if (membership !== undefined) this.interest.get(channel)?.makeLagging(membership, after);
    }
    if (!session.isBlocked) this.#pump.add(session);
  }

  /** `next` is the first publication after the lost ones, or the first of a new epoch. */
  #handleGap(channel: ListenedChannel, next: Position): void {
    this.flushNow();
    const { epoch, head } = channel.tail;
    const isNewEpoch = next.epoch !== epoch;
    const gap = { epoch: next.epoch, from: isNewEpoch ? 1 : head + 1, to: next.offset - 1 };
    channel.tail.reset({ epoch: next.epoch, offset: next.offset - 1 });
    const reason = isNewEpoch ? "epoch-changed" : "history-too-short";
    const frame = gapFrame(channel.name, reason, gap);
    this.#events.onChannelGap(channel.name, { ...gap, reason });
    // Copies, because a level member whose socket this frame fills moves to the lagging ones.
    const [level, lagging] = [[...channel.level], [...channel.lagging]];
    for (const { session } of level) session.sendFrame(frame);
    // Within an epoch the pump announces the gap to lagging members, with their own bounds.
    if (!isNewEpoch) return;
    for (const membership of channel.members()) membership.after = channel.flushed;
    for (const membership of lagging) {
      membership.lag.catchesUpTo = 0; // an offset of the former epoch
      membership.moveTo(channel.flushed);
      membership.session.sendFrame(frame);
    }
  }
}

function maxReads(maxMessageBytes: number): number {
  return Math.max(2, Math.min(mostReads, Math.floor(bytesOfReads / maxMessageBytes)));
}
