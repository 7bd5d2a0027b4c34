import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Session } from "./session.ts";

/** What a cursor needs to know of its channel. */
export interface ChannelView {
  readonly name: ChannelName;
  readonly epoch: string;
  /** The last offset that was sent out to level sessions. */
  readonly flushed: number;
  /** The channel's part of a session's cursor for a level session, `room~k3x9~17`; changes once per flush. */
  readonly levelCursor: string;
  /** The same without the offset. */
  readonly cursorPrefix: string;
}

/**
 * A session in one channel: a cursor that is level (it gets the next batch) or lagging (it is pumped from history).
 *
 * Invariant: everything up to the cursor was handed to the connection or announced as a gap, nothing beyond it was. A
 * level cursor equals `channel.flushed` and is not written per flush.
 */
export class Membership {
  readonly session: Session;
  readonly channel: ChannelView;
  /** Where it stands in its channel's list of level members; -1 while it lags. Kept by that list. */
  slot = -1;
  /** A page of history is on its way to it: nobody else may pump it. */
  isFetching = false;
  /** It left: whoever still holds it lets go. */
  isOver = false;
  #cursor: number;

  constructor(session: Session, channel: ChannelView, cursor: number) {
    this.session = session;
    this.channel = channel;
    this.#cursor = cursor;
  }

  get isLevel(): boolean {
    return this.slot >= 0;
  }

  /** The last offset that this session was given. */
  get cursor(): number {
    return this.isLevel ? this.channel.flushed : this.#cursor;
  }

  /** Only while lagging: a level cursor moves with its channel. */
  moveTo(offset: number): void {
    this.#cursor = offset;
  }

  /** Its part of the session's cursor text. */
  get cursorText(): string {
    return this.isLevel ? this.channel.levelCursor : this.channel.cursorPrefix + this.#cursor;
  }
}
