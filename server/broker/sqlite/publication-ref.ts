import type { KeptChannel } from "../ledger/kept-channel.ts";
import type { HistoryRules } from "../log.ts";

/** A publication in the file, without its body. The ledger keeps these in memory. */
export interface PublicationRef {
  readonly row: number;
  readonly offset: number;
  /** In history time, see archive.ts. */
  readonly at: number;
  /** In wall clock time. */
  readonly timestamp: number;
  readonly size: number;
  readonly channel: StoredChannel;
  /** Whether reading it has failed. */
  isDamaged: boolean;
}

/** A channel and its state in the file. */
export interface StoredChannel {
  readonly number: number;
  readonly kept: KeptChannel<PublicationRef>;
  /** The rules in the file. Undefined until the channel is saved. */
  saved: HistoryRules | undefined;
  /** The last offset that was deleted from the file. */
  droppedThrough: number;
}

/** The row of a publication that is missing from the file. */
export const noRow = 0;
