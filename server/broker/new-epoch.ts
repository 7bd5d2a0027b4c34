import { randomId } from "../lib/random-id.ts";

/** A name for one life of a channel's numbering. 48 random bits: only the lives of one and the same channel must differ. */
export function newEpoch(): string {
  return randomId(6);
}
