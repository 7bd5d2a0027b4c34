import type { GapReason } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";

/** A hole, both ends included: these publications were missed and will not come. */
export interface Gap {
  /** The life of the numbering that `from` and `to` belong to. */
  readonly epoch: string;
  /** After `epoch-changed` this is 1: nobody knows what was missed of the life before. */
  readonly from: number;
  /** Less than `from` where the numbering began anew and nothing of it was missed. */
  readonly to: number;
  /** `unannounced`: offsets were left out without a word, which no server of ours does. */
  readonly reason: GapReason | "unannounced";
}

/**
 * What was seen of one channel. Everything up to its position was handed over or reported as a gap, nothing beyond it was:
 * so whatever comes twice (after a resume, or while one connection takes over from another) is known by its offset.
 */
export class Progress {
  /** Undefined before the first subscription. */
  position: Position | undefined;

  /**
   * Nothing up to `to` will come any more.
   * @returns the hole, if there is one between what was seen and what follows
   */
  skip(to: number, reason: Gap["reason"] = "unannounced", epoch = this.position?.epoch): Gap | undefined {
    const seen = this.position;
    // The same epoch with this reason: the server never gave out the position that was asked for.
    const isAnew = reason === "epoch-changed" || seen?.epoch !== epoch;
    // What is no number would make a position that nothing is ever beyond.
    if (!epoch || !(to < 1e15) || (seen && !isAnew && to <= seen.offset)) return undefined;
    this.position = { epoch, offset: to };
    return seen && { epoch, from: isAnew ? 1 : seen.offset + 1, to, reason: isAnew ? "epoch-changed" : reason };
  }
}
