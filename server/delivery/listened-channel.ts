import type { ChannelName } from "../../protocol/channel-name.ts";
import { cursorPrefix, type Position } from "../../protocol/position.ts";
import type { ChannelView } from "../session/channel-view.ts";
import type { Membership, Session } from "../session/session.ts";
import { Tail, type TailBudget } from "./tail.ts";

const nobody: ReadonlySet<Membership> = new Set();

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
  #prefix = "";
  #prefixEpoch = "";
  #levelCursor = "";
  #levelCursorAt = -1;

  constructor(name: ChannelName, top: Position, budget: TailBudget) {
    this.name = name;
    this.tail = new Tail(name, top, budget);
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
    if (this.#prefixEpoch !== this.tail.epoch) {
      this.#prefixEpoch = this.tail.epoch;
      this.#prefix = cursorPrefix(this.name, this.tail.epoch);
      this.#levelCursorAt = -1;
    }
    return this.#prefix;
  }

  get levelCursor(): string {
    const prefix = this.cursorPrefix;
    if (this.#levelCursorAt !== this.tail.flushed) {
      this.#levelCursorAt = this.tail.flushed;
      this.#levelCursor = prefix + this.tail.flushed;
    }
    return this.#levelCursor;
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
