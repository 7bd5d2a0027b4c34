import { randomId } from "../lib/random-id.ts";

/** A new epoch for a channel. 48 random bits are enough, since only epochs of the same channel must differ. */
export function newEpoch(): string {
  return randomId(6);
}
