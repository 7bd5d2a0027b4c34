import type { ChannelName } from "../../protocol/channel-name.ts";
import { cursorPrefix, type Position } from "../../protocol/position.ts";
import type { ChannelView } from "../session/channel-view.ts";
import type { Membership, Session } from "../session/session.ts";
import { Tail, type TailBudget } from "./tail.ts";

const nobody: ReadonlySet<Membership> = new Set();

/** A part of cursors. */
interface CursorText {
  readonly epoch: string;
  readonly prefix: string;
  readonly offset: number;
  /** The prefix and the offset. */
  readonly level: string;
}

/**
 * One channel that this worker listens to: its tail and its local members.
 *
 * Level members are in a dense array that the flush walks from the end: a member that is removed during the walk is replaced
 * by the last one, which has already been served.
 */
export class ListenedChannel implements ChannelView {
  readonly name: ChannelName;
  readonly tail: Tail;
  readonly level: Membership[] = [];
  /** The tail has something for the next flush. Set and cleared by the flush. */
  isDirty = false;
  /** Made for the first one: most channels are those of single users, who rarely lag. */
  #lagging: Set<Membership> | undefined;
  /** Made for the first stream. With its fields in the channel itself, each would take 48 bytes more (bench/fanout --rate 0). */
  #cursor: CursorText | undefined;

  constructor(name: ChannelName, top: Position, budget: TailBudget) {
    this.name = name;
    this.tail = new Tail(top, budget);
  }

  get lagging(): ReadonlySet<Membership> {
    return this.#lagging ?? nobody;
  }

  get epoch(): string {
    return this.tail.epoch;
  }

  get flushed(): number {
    return this.tail.flushed;
  }

  get cursorPrefix(): string {
    return this.#cursorNow().prefix;
  }

  get levelCursor(): string {
    return this.#cursorNow().level;
  }

  get isEmpty(): boolean {
    return this.level.length === 0 && this.lagging.size === 0;
  }

  *members(): Iterable<Membership> {
    yield* this.level;
    yield* this.lagging;
  }

  /** The membership of a session, if it has one. */
  memberOf(session: Session): Membership | undefined {
    return session.memberships.get(this.name);
  }

  /** From now on the member gets each batch. Requires a cursor at `flushed`. */
  makeLevel(membership: Membership): void {
    this.#lagging?.delete(membership);
    membership.levelAt(this.level.length);
    this.level.push(membership);
  }

  /** From now on the member is pumped, starting after `cursor`. */
  makeLagging(membership: Membership, cursor: number): void {
    this.#leaveLevel(membership);
    membership.moveTo(cursor);
    this.#lagging ??= new Set();
    this.#lagging.add(membership);
  }

  remove(membership: Membership): void {
    this.#lagging?.delete(membership);
    this.#leaveLevel(membership);
    membership.end();
  }

  #cursorNow(): CursorText {
    const known = this.#cursor;
    const { epoch, flushed: offset } = this.tail;
    if (known !== undefined && known.offset === offset && known.epoch === epoch) return known;
    const prefix = known?.epoch === epoch ? known.prefix : cursorPrefix(this.name, epoch);
    const cursor = { epoch, prefix, offset, level: prefix + offset };
    this.#cursor = cursor;
    return cursor;
  }

  #leaveLevel(membership: Membership): void {
    const { slot } = membership;
    if (slot < 0) return;
    membership.slot = -1;
    const last = this.level.pop();
    if (last === undefined || last === membership) return;
    this.level[slot] = last;
    last.slot = slot;
  }
}
