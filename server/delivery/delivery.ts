import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Broker } from "../broker/broker.ts";
import type { Clock } from "../lib/clock.ts";
import type { Batch } from "../session/batch.ts";
import { Membership, type Session } from "../session/session.ts";
import { Flush } from "./flush.ts";
import { FlushWindow } from "./flush-window.ts";
import { gapFrame } from "./gap.ts";
import { Interest } from "./interest.ts";
import type { ListenedChannel } from "./listened-channel.ts";
import { Pump } from "./pump.ts";
import { Sequencer } from "./sequencer.ts";
import { type ReadHistory, shareHistory } from "./shared-history.ts";

/** What may wait in one channel before it is sent out whatever the window says, so that the tail does not overflow. By `Push.bytes`. */
const maxPendingBytes = 512 * 1024;
/** A socket is written to again once so little waits in it: enough to keep it busy until the next turn. */
const resumeBelowBytes = 16 * 1024;
/** With fewer of them a flush is cheap, whatever else the loop had to do meanwhile. */
const manyStreams = 100;

export interface DeliverySettings {
  readonly flushWindowMs: number;
  /** Bytes of recent publications kept in this worker, per channel and in all. */
  readonly tailBytes: number;
  readonly tailBytesTotal: number;
  /** Bytes of the largest publication. */
  readonly maxMessageBytes: number;
}

/** Histories read at the same time, and what their answers should take together; one answer may be one large publication. */
const mostReads = 16;
const bytesOfReads = 32 * 1024 * 1024;

/** What delivery tells its owner. */
export interface DeliveryEvents {
  /** All of the session's channels are level. */
  onLevel(session: Session): void;
  sessionById(id: string): Session | undefined;
  /** How long a channel's messages are kept, milliseconds. */
  historyTtlOf(channel: ChannelName): number;
  /** Whether a write of so many bytes to it may be begun, beside all that waits for other connections. */
  hasRoomFor(bytes: number, session: Session): boolean;
}

/**
 * The way of a publication inside one worker: sequencer, tail, flush or pump, session. Keeps the law of cursors: what is
 * level gets flushed+1..head with the next flush, what lags is pumped up to `flushed` and not beyond.
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
    const budget = { perChannel: settings.tailBytes, total: settings.tailBytesTotal, bytes: 0 };
    this.interest = new Interest(broker, budget, clock);
    this.#flush = new Flush({
      onFull: this.block,
      onRefused: (session, batches) => this.#refused(session, batches),
      onPostponed: (session, batches) => this.#postpone(session, batches),
      sessionById: events.sessionById,
      hasRoomFor: events.hasRoomFor,
    });
    this.#window = new FlushWindow(settings.flushWindowMs, clock, () => this.flushNow());
    const get = (name: ChannelName) => this.interest.get(name);
    this.#pump = new Pump(
      { get, history: this.history, onFull: this.block, onLevel: events.onLevel, hasRoomFor: events.hasRoomFor },
      clock,
    );
    this.#sequencer = new Sequencer(
      {
        get,
        channels: () => this.interest.channels(),
        history: this.history,
        tops: (channels, seen) => broker.tops(channels, seen),
        onEarly: (publication) => this.interest.keepEarly(publication),
        onAppended: (channel) => this.#appended(channel),
        onHole: (channel, next) => this.#hole(channel, next),
        onFault: (channel, error) => {
          for (const { session } of [...channel.members()]) session.fail(error);
        },
      },
      clock,
    );
    this.#sequencer.start();
  }

  /** Plain additions, read by the scraper. */
  get counts() {
    return { ...this.#flush.counts, pumped: this.#pump.counts.deliveries, gaps: this.#pump.counts.gaps };
  }

  /**
   * Whether what the tail has after this offset begins with something that is over its time: then history says where to
   * begin. The tail itself is bounded by bytes only, for members that lag.
   */
  isExpired({ name, tail }: ListenedChannel, after: number): boolean {
    const takenAt = tail.takenAtAfter(after);
    return takenAt !== undefined && this.#clock.monotonic() - takenAt > this.#events.historyTtlOf(name);
  }

  /** One delivery of the broker. */
  readonly take = (publication: Publication): void => this.#sequencer.take(publication);

  /** The broker says that a channel has a new epoch. */
  readonly reset = (channel: ChannelName, top: Position): void => this.#sequencer.reset(channel, top);

  /** Deliveries may be missing: what was lost is fetched. */
  checkAll(): void {
    void this.#sequencer.compareTops();
  }

  /** Resolves once what is stored in the channel now has come here too, or cannot be had. */
  catchUp(channel: ListenedChannel): Promise<void> {
    return this.#sequencer.catchUp(channel);
  }

  /** Puts a session into a channel behind `cursor`; level at once where that is `flushed`. */
  join(session: Session, channel: ListenedChannel, cursor: number): void {
    const membership = new Membership(session, channel, cursor);
    session.memberships.add(membership);
    if (cursor === channel.flushed && !session.isBlocked) {
      channel.makeLevel(membership);
      return;
    }
    channel.makeLagging(membership, cursor);
    if (!session.isBlocked) this.#pump.add(session);
  }

  /** Takes a session out of a channel; nothing of it follows. The hold is given back. */
  leave(session: Session, name: ChannelName): boolean {
    const membership = session.memberships.get(name);
    if (membership === undefined) return false;
    session.memberships.delete(name);
    this.interest.get(name)?.remove(membership);
    this.interest.release(name);
    return true;
  }

  /** The session is over. */
  leaveAll(session: Session): void {
    if (session.isBlocked) this.#blocked--;
    session.isBlocked = false;
    this.#pump.remove(session);
    for (const name of session.memberships.names()) this.leave(session, name);
  }

  /** Bytes have left the session's socket. */
  drained(session: Session): void {
    if (!session.isBlocked || session.connection.buffered() > resumeBelowBytes) return;
    session.isBlocked = false;
    this.#blocked--;
    this.#pump.add(session);
    session.answering?.onRoom();
  }

  /** The session's connection took what it was sent and has no more room: it lags until it drains. */
  readonly block = (session: Session): void => {
    if (!session.isBlocked) this.#blocked++;
    session.isBlocked = true;
    for (const membership of session.memberships) {
      if (!membership.isLevel) continue;
      this.interest.get(membership.channel.name)?.makeLagging(membership, membership.channel.flushed);
    }
  };

  /** Sessions whose socket is full. */
  get blocked(): number {
    return this.#blocked;
  }

  /** Sends out what waits, without waiting for company. */
  flushNow(): void {
    const startedAt = this.#clock.monotonic();
    this.#flush.run();
    this.interest.shrinkTails();
    this.#window.took(this.#clock.monotonic() - startedAt);
    // Streams are written by the runtime after this turn; that is a part of the price.
    if (this.#flush.postponed >= manyStreams) {
      this.#clock.setImmediate(() => this.#window.took(this.#clock.monotonic() - startedAt));
    }
  }

  close(): void {
    this.#sequencer.close();
    this.interest.close();
  }

  #appended(channel: ListenedChannel): void {
    this.#flush.mark(channel);
    if (channel.tail.pendingBytes >= maxPendingBytes) this.flushNow();
    else this.#window.request();
  }

  /** The connection took nothing: in the channels of the batches it stays where it was before them. */
  #refused(session: Session, batches: readonly Batch[]): void {
    this.block(session);
    for (const batch of batches) session.memberships.get(batch.channel)?.moveTo(batch.after);
  }

  /** What it was not given now it is given by the pump, in turn with others. */
  #postpone(session: Session, batches: readonly Batch[]): void {
    for (const { channel, after } of batches) {
      const membership = session.memberships.get(channel);
      if (membership !== undefined) this.interest.get(channel)?.makeLagging(membership, after);
    }
    if (!session.isBlocked) this.#pump.add(session);
  }

  /** `next` is the first that follows what is lost, or the first of a new epoch. */
  #hole(channel: ListenedChannel, next: Position): void {
    this.flushNow();
    const { epoch, head } = channel.tail;
    const isNewEpoch = next.epoch !== epoch;
    const hole = { epoch: next.epoch, from: isNewEpoch ? 1 : head + 1, to: next.offset - 1 };
    channel.tail.reset({ epoch: next.epoch, offset: next.offset - 1 });
    const frame = gapFrame(channel.name, isNewEpoch ? "epoch-changed" : "history-too-short", hole);
    // Copies: a level member whose socket is full with this frame lags from then on.
    const [level, lagging] = [[...channel.level], [...channel.lagging]];
    for (const { session } of level) session.sendFrame(frame);
    // Within an epoch lagging ones meet the hole on their own way, with their own borders.
    if (!isNewEpoch) return;
    for (const membership of lagging) {
      membership.moveTo(channel.flushed);
      membership.session.sendFrame(frame);
    }
  }
}

function maxReads(maxMessageBytes: number): number {
  return Math.max(2, Math.min(mostReads, Math.floor(bytesOfReads / maxMessageBytes)));
}
