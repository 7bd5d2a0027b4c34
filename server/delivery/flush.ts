import type { Clock } from "../lib/clock.ts";
import { Batch } from "../session/batch.ts";
import type { Membership, Session } from "../session/session.ts";
import type { Encoded } from "../session/wire-form.ts";
import { applyExclusions, excludedBy } from "./exclusion.ts";
import { LastJoin } from "./last-join.ts";
import type { ListenedChannel } from "./listened-channel.ts";
import { Measures } from "./measures.ts";

/** Totals since start. Plain additions, read by the metrics scraper. */
export interface FlushCounts {
  flushes: number;
  /** Writes that a connection accepted. */
  writes: number;
  /** Publications times receivers. */
  deliveries: number;
}

/** The approximate limit of one write to one session over all its channels. One channel's batch alone may be larger. */
const maxWriteBytes = 256 * 1024;
/** Smaller writes are never postponed for lack of room: they are the usual case, and mostly the kernel accepts them at once. */
const largeBytes = 64 * 1024;

/** Callbacks of the flush. They must not add or remove other sessions in a level list. */
export interface FlushOutcomes {
  /** The connection accepted everything and has no more room. */
  onFull(session: Session): void;
  /** The connection accepted nothing: the cursors stay before `batches`. */
  onRefused(session: Session, batches: readonly Batch[]): void;
  /** The session got none of these batches, although its connection may have room: it lags from here on. */
  onPostponed(session: Session, batches: readonly Batch[]): void;
  /** Whether a write of this size to the session may begin. */
  hasRoomFor(bytes: number, session: Session): boolean;
  sessionById(id: string): Session | undefined;
  /** A batch was written to so many connections. Called after all writes. Must not throw. */
  readonly onFlushed?: ((batch: Batch, connections: number) => void) | undefined;
}

/**
 * Sends the pending publications of dirty channels to their level members: encoded once per wire form, one write per session
 * over all its channels. Hot path: no await, closure, spread, log or try per subscriber.
 */
export class Flush {
  readonly counts: FlushCounts = { flushes: 0, writes: 0, deliveries: 0 };
  readonly measures = new Measures();
  readonly #clock: Pick<Clock, "now">;
  readonly #outcomes: FlushOutcomes;
  #dirty: ListenedChannel[] = [];
  /** The list that `#dirty` was before, to be used again. */
  #spare: ListenedChannel[] = [];
  #touched: Session[] = [];
  /** Where the walk over the members, or over the touched sessions, has arrived, and the session that is written to. */
  #at = 0;
  #writing: Session | undefined;
  /** The batches of a write, if it is one. */
  readonly #single: Batch[] = [];
  /** The batches of this run that are written per session, and the number of connections that each of them is for. */
  readonly #gathered: Batch[] = [];
  readonly #receivers: number[] = [];
  readonly #lastJoin = new LastJoin();
  #postponed = 0;
  /** Bytes of the write that was counted last. */
  #nextBytes = 0;

  constructor(outcomes: FlushOutcomes, clock: Pick<Clock, "now">) {
    this.#outcomes = outcomes;
    this.#clock = clock;
  }

  /** Something was appended to the channel's tail. Calling it more than once per flush is harmless. */
  mark(channel: ListenedChannel): void {
    if (channel.isDirty) return;
    channel.isDirty = true;
    this.#dirty.push(channel);
  }

  /** Writes of the last run that the runtime performs later, as it does for streams. */
  get postponed(): number {
    return this.#postponed;
  }

  /** Sends the pending publications of the dirty channels. */
  run(): void {
    const dirty = this.#dirty;
    this.#dirty = this.#spare;
    this.#spare = dirty;
    this.#postponed = 0;
    this.counts.flushes++;
    const only = dirty[0];
    if (dirty.length === 1 && only !== undefined) this.#runOne(only);
    else {
      for (const channel of dirty) this.#gatherFrom(channel);
      this.#writeAll();
    }
    dirty.length = 0;
    this.#lastJoin.forget();
  }

  #gatherFrom(channel: ListenedChannel): void {
    try {
      const batch = this.#cut(channel);
      if (batch !== undefined) this.#gather(channel, batch);
    } catch (error) {
      this.#failAll(channel, error);
    }
  }

  /** It is unknown which publications each member got. */
  #failAll(channel: ListenedChannel, error: unknown): void {
    for (const { session } of channel.level) session.fail(error);
  }

  /** One dirty channel, the usual case: members are written to directly, without collecting per session. */
  #runOne(channel: ListenedChannel): void {
    try {
      const batch = this.#cut(channel);
      if (batch === undefined) return;
      if (excludedBy(batch.items).size === 0) {
        this.#writeLevel(channel, batch);
        return;
      }
      this.#gather(channel, batch);
    } catch (error) {
      this.#failAll(channel, error);
    }
    this.#writeAll();
  }

  #writeLevel({ level }: ListenedChannel, batch: Batch): void {
    const { length: receivers } = level;
    const { writes } = this.counts;
    this.#single[0] = batch;
    const isLarge = receivers > 0 && batch.wireBytes > largeBytes;
    // Backwards: a member whose socket is full leaves the list, and the last member takes its index.
    this.#at = receivers - 1;
    // Restarted after a member that fails: a try around each member would slow down all of them.
    while (this.#at >= 0) {
      try {
        this.#writeToRest(level, batch, isLarge);
      } catch (error) {
        this.#writing?.fail(error);
        this.#at--;
      }
    }
    this.measures.wrote(this.#single, this.counts.writes - writes);
    this.#single.length = 0; // keeps nothing in memory that was sent
    this.#writing = undefined;
    this.#flushed(batch, receivers, this.#clock.now());
  }

  /** Writes the single batch to the members from `#at` down. Not a closure, which would be made once per flush. */
  #writeToRest(level: readonly Membership[], batch: Batch, isLarge: boolean): void {
    const batches = this.#single;
    for (; this.#at >= 0; this.#at--) {
      const session = level[this.#at]?.session;
      if (session === undefined) continue;
      this.#writing = session;
      if (isLarge && !this.#outcomes.hasRoomFor(batch.wireBytes, session)) this.#outcomes.onPostponed(session, batches);
      else this.#write(session, batches);
    }
  }

  /** Takes the pending publications out of a channel's tail; undefined if there are none. */
  #cut(channel: ListenedChannel): Batch | undefined {
    channel.isDirty = false;
    const after = channel.flushed;
    const pushes = channel.tail.flush();
    if (pushes.length === 0) return undefined;
    this.counts.deliveries += channel.level.length * pushes.length;
    return new Batch(channel.name, after, pushes);
  }

  #gather(channel: ListenedChannel, batch: Batch): void {
    const { level } = channel;
    this.#gathered.push(batch);
    this.#receivers.push(level.length);
    for (let slot = level.length - 1; slot >= 0; slot--) {
      const session = level[slot]?.session;
      if (session === undefined) continue;
      session.outbox ??= [];
      if (session.outbox.length === 0) this.#touched.push(session);
      session.outbox.push(batch);
    }
    applyExclusions(channel, batch, this.#outcomes);
  }

  #writeAll(): void {
    const touched = this.#touched;
    this.#touched = [];
    this.#at = 0;
    while (this.#at < touched.length) {
      try {
        this.#writeToTouched(touched);
      } catch (error) {
        const session = touched[this.#at++];
        if (session?.outbox === undefined) continue;
        session.outbox.length = 0;
        session.fail(error);
      }
    }
    this.#measureGathered();
  }

  #writeToTouched(touched: readonly Session[]): void {
    for (; this.#at < touched.length; this.#at++) {
      const session = touched[this.#at];
      if (session?.outbox === undefined) continue;
      // The session may have been excluded from everything.
      if (session.outbox.length > 0) this.#writeOutbox(session, session.outbox);
      session.outbox.length = 0;
    }
  }

  #flushed(batch: Batch, connections: number, now: number): void {
    this.measures.flushed(batch, connections, now);
    if (connections > 0) this.#outcomes.onFlushed?.(batch, connections);
  }

  #measureGathered(): void {
    if (this.#gathered.length === 0) return;
    const now = this.#clock.now(); // once: a batch of pushes is as many batches of one message
    let at = 0;
    for (const batch of this.#gathered) this.#flushed(batch, this.#receivers[at++] ?? 0, now);
    this.#gathered.length = 0;
    this.#receivers.length = 0;
  }

  #writeOutbox(session: Session, outbox: Batch[]): void {
    const count = this.#countFitting(outbox);
    if (count < outbox.length) this.#writeParts(session, outbox, count);
    else if (this.#hasRoom(session)) this.#writeOne(session, outbox);
    else this.#outcomes.onPostponed(session, outbox.splice(0));
  }

  /**
   * Writes one part after the other while the connection has room, and postpones the rest. Nothing is postponed without need,
   * because a lagging session gets no ephemeral messages.
   * @param count how many batches fit into the first write
   */
  #writeParts(session: Session, outbox: Batch[], count: number): void {
    let fitting = count;
    while (outbox.length > 0 && this.#hasRoom(session)) {
      const part = outbox.splice(0, fitting);
      if (session.connection.wireForm.carriesCursor && outbox.length > 0) {
        // Postpone first: the cursor in the write must not include the postponed batches.
        this.#outcomes.onPostponed(session, outbox.splice(0));
      }
      if (!this.#writeOne(session, part)) break;
      fitting = this.#countFitting(outbox);
    }
    if (outbox.length > 0) this.#outcomes.onPostponed(session, outbox.splice(0));
  }

  /** How many batches fit into one write; at least one. */
  #countFitting(outbox: readonly Batch[]): number {
    let bytes = 0;
    let count = 0;
    for (; count < outbox.length; count++) {
      const more = outbox[count]?.wireBytes ?? 0;
      if (count > 0 && bytes + more > maxWriteBytes) break;
      bytes += more;
    }
    this.#nextBytes = bytes;
    return count;
  }

  /** Whether the write that was counted last may begin. */
  #hasRoom(session: Session): boolean {
    return this.#nextBytes <= largeBytes || this.#outcomes.hasRoomFor(this.#nextBytes, session);
  }

  /** The same as `#write`, for batches that no other session gets together. */
  #writeOne(session: Session, batches: readonly Batch[]): boolean {
    const { writes } = this.counts;
    const hasRoom = this.#write(session, batches);
    this.measures.wrote(batches, this.counts.writes - writes);
    return hasRoom;
  }

  /** @returns whether the connection has room for more */
  #write(session: Session, batches: readonly Batch[]): boolean {
    const { connection } = session;
    const form = connection.wireForm;
    if (form.carriesCursor) this.#postponed++;
    const only = batches.length === 1 && !form.carriesCursor ? batches[0] : undefined;
    const outcome = connection.send(only === undefined ? this.#join(session, batches) : only.encoded(form));
    if (outcome !== "closed" && outcome !== "refused") this.counts.writes++;
    if (outcome === "sent") return true;
    if (outcome === "refused") this.#outcomes.onRefused(session, batches);
    else if (outcome === "full") this.#outcomes.onFull(session);
    return false;
  }

  #join(session: Session, batches: readonly Batch[]): Encoded {
    const form = session.connection.wireForm;
    return this.#lastJoin.join(form, batches, form.carriesCursor ? session.cursor() : "");
  }
}
