import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { History } from "../broker/log.ts";
import { backoff } from "../lib/backoff.ts";
import type { Clock } from "../lib/clock.ts";
import type { Account } from "../limits/account.ts";
import type { Push } from "../session/push.ts";
import type { Membership, Session } from "../session/session.ts";
import type { Gap } from "../trace/records.ts";
import { gapFrame } from "./gap.ts";
import type { ListenedChannel } from "./listened-channel.ts";
import { type Chunk, cutChunk, RecentChunks, wireBytesOf } from "./recent-chunks.ts";
import type { ReadHistory } from "./shared-history.ts";

/** Bytes on the wire that one lagging channel of one session gets per turn, from the tail or from history. */
const chunkBytes = 64 * 1024;
/** Sessions served per turn of the event loop, so that live messages still get through during a reconnect storm. */
const sessionsPerTurn = 32;
/** A turn ends once this much was sent: more than the usual chunks, and no more than a large publication. */
const bytesPerTurn = sessionsPerTurn * chunkBytes;
/**
 * Delay before retrying a write that found no room in the send buffers, or whose client has used up its budget of history.
 * Milliseconds.
 */
const postponedMs = 50;
/**
 * Publications in one page of history. Pages are also limited to the bytes of a chunk, since more would only wait in
 * memory.
 */
const pageSize = 200;

/** Dependencies of the pump. */
export interface PumpDependencies {
  get(channel: ChannelName): ListenedChannel | undefined;
  readonly history: ReadHistory;
  onFull(session: Session): void;
  /** All of the session's channels are level. */
  onLevel(session: Session): void;
  /** Whether a write of this size to the session may begin, given what is buffered for other connections. */
  hasRoomFor(bytes: number, session: Session): boolean;
  /** The account that is charged when a session catches up. */
  accountOf(session: Session): Pick<Account, "waitFor" | "spend">;
  /** The session was told by a gap that it cannot receive publications. */
  onGap(session: Session, channel: ChannelName, gap: Gap): void;
}

/**
 * Brings lagging sessions up to `flushed`: from the channel's tail as far as it reaches back, otherwise from history, a
 * bounded amount per turn and session by session. A session becomes level in the same turn in which its cursor reaches
 * `flushed`, so no flush can happen in between. A cursor that is older than the history gets exactly one gap.
 *
 * Messages that a session catches up with because it joined with `since` are charged to its client's budget of history.
 * While that is used up, the channel waits, and live messages in the session's other channels do not.
 */
export class Pump {
  /** Publications delivered by the pump. Plain additions, read by the metrics scraper. */
  readonly counts = { deliveries: 0, gaps: 0 };
  readonly #dependencies: PumpDependencies;
  readonly #clock: Clock;
  readonly #chunks: RecentChunks;
  readonly #queue = new Set<Session>();
  /** Sessions whose write found no room, or whose client has to wait. */
  readonly #postponed = new Set<Session>();
  #isScheduled = false;
  /** Bytes sent in this turn. */
  #sentBytes = 0;

  /** @param maxChunkBytes the limit for chunks that are kept for other sessions */
  constructor(dependencies: PumpDependencies, maxChunkBytes: number, clock: Clock) {
    this.#dependencies = dependencies;
    this.#clock = clock;
    this.#chunks = new RecentChunks(maxChunkBytes, clock);
  }

  /** The session has a lagging channel and, as far as is known, room for more. */
  add(session: Session): void {
    this.#queue.add(session);
    this.#schedule();
  }

  remove(session: Session): void {
    this.#queue.delete(session);
    this.#postponed.delete(session);
  }

  #schedule(): void {
    if (this.#isScheduled || this.#queue.size === 0) return;
    this.#isScheduled = true;
    this.#clock.setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#isScheduled = false;
    this.#sentBytes = 0;
    let left = sessionsPerTurn;
    for (const session of this.#queue) {
      if (left-- === 0 || this.#sentBytes >= bytesPerTurn) break;
      this.#queue.delete(session);
      if (this.#serveOrFail(session)) this.#queue.add(session); // at the end of the queue
    }
    this.#schedule();
  };

  #serveOrFail(session: Session): boolean {
    try {
      return this.#serve(session);
    } catch (error) {
      session.fail(error);
      return false;
    }
  }

  /** Sends one chunk for each lagging channel. @returns whether there is more to do at once. */
  #serve(session: Session): boolean {
    let more = false;
    let lagging = 0;
    let mustWait = false;
    for (let membership = session.memberships.first; membership !== undefined; membership = membership.next) {
      if (session.isBlocked || session.closed !== undefined) return false;
      if (membership.isLevel) continue;
      // Asked again after each chunk, but not for a hundred channels that all have to wait.
      if (isCatchingUp(membership)) mustWait ||= this.#dependencies.accountOf(session).waitFor("answerBytes") > 0;
      if (mustWait && isCatchingUp(membership)) this.#postpone(session);
      else if (!membership.lag.isFetching && this.#step(membership)) more = true;
      if (!membership.isLevel) lagging++;
    }
    if (lagging === 0) this.#dependencies.onLevel(session);
    return more;
  }

  /** @returns whether this membership needs another turn soon. */
  #step(membership: Membership): boolean {
    const channel = this.#dependencies.get(membership.channel.name);
    if (channel === undefined || membership.isOver) return false;
    if (membership.cursor < channel.flushed) {
      const chunk = this.#chunks.after(membership) ?? channel.tail.read(channel.name, membership.cursor, chunkBytes);
      if (chunk === undefined) {
        // A page for which there is no room would be fetched only to be thrown away.
        if (!this.#hasRoomFor(membership.lag.neededBytes, membership.session)) this.#postpone(membership.session);
        else void this.#fetch(membership, channel);
        return false;
      }
      if (!this.#send(membership, chunk)) return false;
    }
    if (membership.cursor >= channel.flushed) channel.makeLevel(membership);
    return !membership.isLevel;
  }

  /** @returns whether the session can accept more. */
  #send(membership: Membership, sent: Chunk | readonly Push[]): boolean {
    const bytes = "encoded" in sent ? sent.wireBytes : wireBytesOf(sent);
    if (bytes === 0) return true;
    const { session } = membership;
    if (!this.#hasRoomFor(bytes, session)) {
      membership.lag.neededBytes = bytes;
      this.#postpone(session);
      return false;
    }
    membership.lag.neededBytes = 0;
    return this.#write(membership, "encoded" in sent ? sent : this.#chunks.make(membership, sent));
  }

  #write(membership: Membership, { last, count, wireBytes, encoded }: Chunk): boolean {
    const { session, cursor } = membership;
    this.#sentBytes += wireBytes;
    const isCharged = isCatchingUp(membership);
    membership.moveTo(last);
    const form = session.connection.wireForm;
    const outcome = session.connection.send(form.carriesCursor ? form.join([encoded], session.cursor()) : encoded);
    if (outcome === "refused" || outcome === "closed") membership.moveTo(cursor);
    else {
      this.counts.deliveries += count;
      if (isCharged) this.#dependencies.accountOf(session).spend("answerBytes", wireBytes);
    }
    if (outcome !== "sent" && outcome !== "closed") this.#dependencies.onFull(session);
    return outcome === "sent";
  }

  /** A write of the usual size is let through, and mostly the kernel takes it. */
  #hasRoomFor(bytes: number, session: Session): boolean {
    return bytes <= chunkBytes || this.#dependencies.hasRoomFor(bytes, session);
  }

  #postpone(session: Session): void {
    if (this.#postponed.size === 0) this.#clock.setTimeout(this.#retry, postponedMs);
    this.#postponed.add(session);
  }

  readonly #retry = (): void => {
    for (const session of this.#postponed) this.add(session);
    this.#postponed.clear();
  };

  async #fetch(membership: Membership, channel: ListenedChannel): Promise<void> {
    const { lag } = membership;
    lag.isFetching = true;
    const giveBack = this.#payInAdvance(membership);
    for (let failures = 1; !membership.isOver && !(await this.#fetchPage(membership, channel)); failures++) {
      await this.#clock.sleep(backoff(failures));
    }
    giveBack?.();
    lag.isFetching = false;
    if (!membership.isOver && !this.#postponed.has(membership.session)) this.add(membership.session);
  }

  /** Charges for a page that is fetched. Otherwise many could be fetched before the first one is paid for. */
  #payInAdvance(membership: Membership): (() => void) | undefined {
    if (!isCatchingUp(membership)) return undefined;
    const account = this.#dependencies.accountOf(membership.session);
    account.spend("answerBytes", chunkBytes);
    return () => account.spend("answerBytes", -chunkBytes);
  }

  /**
   * @returns whether to continue at once. If history does not have the publications yet, repeated requests would only load
   * it.
   */
  async #fetchPage(membership: Membership, channel: ListenedChannel): Promise<boolean> {
    if (membership.cursor >= channel.flushed) return true; // a reset during the pause moved the cursor
    const position = { epoch: channel.epoch, offset: membership.cursor };
    let history: History;
    try {
      history = await this.#dependencies.history(
        channel.name,
        { from: "position", position },
        { limit: pageSize, maxBytes: chunkBytes },
      );
    } catch (error) {
      getLogger(["fanfare", "hub"]).debug("History cannot be read yet: {error}", { error });
      return false;
    }
    // A reset during the request has moved the cursor into the new epoch.
    if (membership.isOver || position.epoch !== channel.epoch) return true;
    try {
      return history.top.epoch === channel.epoch && this.#deliverPage(membership, channel, history);
    } catch (error) {
      membership.session.fail(error);
      return true;
    }
  }

  /** Delivers up to `flushed`; the next flush sends the rest. @returns whether it made progress */
  #deliverPage(membership: Membership, channel: ListenedChannel, history: History): boolean {
    const { session, cursor } = membership;
    if (session.closed !== undefined) return true;
    const { flushed } = channel;
    const wanted = history.publications.filter(({ offset }) => offset > cursor && offset <= flushed);
    // Publications that arrived after the request are not in the page. They are not lost: the next page has them.
    this.#announceGap(membership, channel, wanted[0]?.offset ?? Math.min(history.top.offset, flushed) + 1);
    // Publications that do not fit into the chunk are requested again: text full of escapes is larger on the wire than in
    // memory.
    if (!session.isBlocked) this.#send(membership, this.#chunks.after(membership) ?? cutChunk(wanted, chunkBytes));
    return session.isBlocked || membership.cursor > cursor || this.#postponed.has(session);
  }

  #announceGap(membership: Membership, channel: ListenedChannel, next: number): void {
    if (next <= membership.cursor + 1) return;
    const from = membership.cursor + 1;
    membership.moveTo(next - 1);
    this.counts.gaps++;
    const gap = { epoch: channel.epoch, from, to: next - 1 };
    this.#dependencies.onGap(membership.session, channel.name, { ...gap, reason: "history-too-short" });
    membership.session.sendFrame(gapFrame(channel.name, "history-too-short", gap));
  }
}

/** Whether the next publication is one that it asked for with `since`. */
function isCatchingUp({ lag }: Membership): boolean {
  return lag.cursor < lag.catchesUpTo;
}
