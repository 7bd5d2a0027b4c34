import type { HistoryFile } from "./history-file.ts";
import { noRow, type PublicationRef, type StoredChannel } from "./publication-ref.ts";

/** A publication to delete from the file. */
export type Dropped = Pick<PublicationRef, "row" | "offset" | "size"> & {
  /** Undefined for a forgotten channel. */
  readonly channel: StoredChannel | undefined;
};

/** Rows per slice. An append waits for a slice: up to 20 ms if each row is on another page. */
export const dropsPerSlice = 1000;
/** Slices grow up to this if more than 32 of them are pending. */
const mostDropsPerSlice = 5000;
/** Bytes of pending deletions, by `costOf`. Beyond it each append deletes more than it adds, which limits the file's size. */
const mostWaitingBytes = 8 * 1024 ** 2;

/** Dropped publications that are still in the file, oldest first within each channel. */
export class Deletions {
  #waiting: Dropped[] = [];
  #waitingBytes = 0;
  /** How many publications were ever deleted from the file. */
  count = 0;

  add(dropped: Dropped): void {
    this.#waiting.push(dropped);
    this.#waitingBytes += dropped.size;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Whether so many deletions are pending that appends have to help. */
  get isBehind(): boolean {
    return this.#waitingBytes > mostWaitingBytes;
  }

  /** Inside a transaction: deletes a slice. @returns the channels of the deleted publications */
  deleteSlice(file: HistoryFile): ReadonlySet<StoredChannel> {
    const count = Math.min(mostDropsPerSlice, Math.max(dropsPerSlice, this.#waiting.length >> 5));
    const channels = new Set<StoredChannel>();
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
