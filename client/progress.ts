import type { GapReason } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";

/** A range of publications, both ends included, that were missed and will not be delivered. */
export interface Gap {
  /** The epoch that `from` and `to` belong to. */
  readonly epoch: string;
  /** 1 after `epoch-changed`: how much of the earlier epoch was missed is unknown. */
  readonly from: number;
  /** Less than `from` if the numbering started over and nothing of the new epoch was missed. */
  readonly to: number;
  /** `unannounced`: the server skipped offsets without announcing it, which no Fanfare server does. */
  readonly reason: GapReason | "unannounced";
}

/**
 * How far one channel was read. Everything up to the position was delivered or reported as a gap, and nothing beyond it was.
 * So duplicates (after a resume, or while one connection takes over from another) are recognized by their offset.
 */
export class Progress {
  /** Undefined before the first subscription. */
  reached: Position | undefined;

  /**
   * Moves the position to `to`: nothing up to it will be delivered any more.
   * @returns the gap between the old position and the next publication, if any
   */
  skip(to: number, reason: Gap["reason"] = "unannounced", epoch = this.reached?.epoch): Gap | undefined {
    const seen = this.reached;
    // The same epoch with this reason means that the server never handed out the requested position.
    const isAnew = reason === "epoch-changed" || seen?.epoch !== epoch;
    // NaN as an offset would make a position that no offset is ever greater than.
    if (!epoch || !(to < 1e15) || (seen && !isAnew && to <= seen.offset)) return undefined;
    this.reached = { epoch, offset: to };
    return seen && { epoch, from: isAnew ? 1 : seen.offset + 1, to, reason: isAnew ? "epoch-changed" : reason };
  }
}
