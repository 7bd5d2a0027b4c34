import { type Filed, type FiledChannel, noRow } from "./filed.ts";
import type { HistoryFile } from "./history-file.ts";

/** What is to be deleted from the file. */
export type Dropped = Pick<Filed, "row" | "offset" | "size"> & {
  /** Undefined for one that is forgotten. */
  readonly channel: FiledChannel | undefined;
};

/** Rows per slice: where they are far apart each one costs a page, and an append waits for the slice: 20 ms then. */
export const dropsPerSlice = 1000;
/** With more waiting than 32 slices of them they grow up to this. */
const mostDropsPerSlice = 5000;
/** What may wait to be deleted, in bytes by `costOf`: beyond it each append deletes more than it adds, which bounds the file. */
const mostWaitingBytes = 8 * 1024 ** 2;

/** The publications that nobody can read any more and that are still in the file, those of one channel oldest first. */
export class Deletions {
  #waiting: Dropped[] = [];
  #waitingBytes = 0;
  /** Publications so far that were deleted from the file. */
  count = 0;

  add(dropped: Dropped): void {
    this.#waiting.push(dropped);
    this.#waitingBytes += dropped.size;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether so much waits that appends have to help. */
  get isBehind(): boolean {
    return this.#waitingBytes > mostWaitingBytes;
  }

  /** Inside a transaction. @returns the channels of those that were deleted */
  deleteSlice(file: HistoryFile): ReadonlySet<FiledChannel> {
    const count = Math.min(mostDropsPerSlice, Math.max(dropsPerSlice, this.#waiting.length >> 5));
    const channels = new Set<FiledChannel>();
    for (const { row, offset, size, channel } of this.#waiting.splice(0, count).sort((a, b) => a.row - b.row)) {
      this.#waitingBytes -= size;
      this.count += row === noRow ? 1 : file.dropPublication(row);
      if (channel === undefined) continue;
      channel.droppedThrough = Math.max(channel.droppedThrough, offset);
      channels.add(channel);
    }
    return channels;
  }
}
