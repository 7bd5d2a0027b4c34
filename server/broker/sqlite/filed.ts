import type { KeptChannel } from "../ledger/kept-channel.ts";
import type { HistoryRules } from "../log.ts";

/** A publication in the file, as the ledger keeps it. */
export interface Filed {
  readonly row: number;
  readonly offset: number;
  /** By the history's own time. */
  readonly at: number;
  /** By the wall clock. */
  readonly timestamp: number;
  readonly size: number;
  readonly channel: FiledChannel;
  /** It is known that it cannot be read any more. */
  isDamaged: boolean;
}

/** A channel and what the file knows of it. */
export interface FiledChannel {
  readonly number: number;
  readonly kept: KeptChannel<Filed>;
  /** The rules that stand in the file; undefined as long as the channel does not. */
  saved: HistoryRules | undefined;
  /** The last offset that was deleted from the file. */
  droppedThrough: number;
}

/** The row of a publication that is missing from the file. */
export const noRow = 0;
