import type { ChannelName } from "../../protocol/channel-name.ts";

/** The part of a channel that a cursor needs. */
export interface ChannelView {
  readonly name: ChannelName;
  readonly epoch: string;
  /** The last offset that was sent to level sessions. */
  readonly flushed: number;
  /** The channel's part of the cursor of a level session, `room~k3x9~17`. Changes once per flush. */
  readonly levelCursor: string;
  /** The same without the offset. */
  readonly cursorPrefix: string;
}
