import { fileAt } from "../../lib/file-at.ts";
import { StorageError } from "./storage-error.ts";

/**
 * The files that a history is written to. SQLite keeps writing to a file that was deleted or replaced, and reports success;
 * the data is lost when the process ends.
 */
export class OpenFiles {
  readonly #directory: string;
  readonly #inodes = new Map<string, number | undefined>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** @param paths of open files that are at their places now */
  add(...paths: readonly string[]): void {
    for (const path of paths) this.#inodes.set(path, fileAt(path)?.ino);
  }

  /** @throws StorageError if one of them is no longer at its place */
  check(): void {
    for (const [path, inode] of this.#inodes) {
      if (fileAt(path)?.ino !== inode) throw new StorageError("gone", this.#directory);
    }
  }

  /** Records that a file was renamed. */
  move(from: string, to: string): void {
    this.#inodes.set(to, this.#inodes.get(from));
    this.#inodes.delete(from);
  }
}
