import type { Clock, Timer } from "../lib/clock.ts";
import { fileAt } from "../lib/file-at.ts";

/** How often the files are looked at. Events of the file system miss replaced links, as Kubernetes and certbot make them. */
const everyMs = 500;

/**
 * Tells when any of some files has changed. Files that belong together are replaced one after the other, so it waits until they
 * have been the same for one interval.
 */
export class FileWatch {
  readonly #paths: readonly string[];
  readonly #onChange: () => void;
  readonly #clock: Clock;
  /** The state that `onChange` was last called for. */
  #told: string;
  #last: string;
  #timer: Timer | undefined;

  constructor(paths: readonly string[], onChange: () => void, clock: Clock) {
    this.#paths = paths;
    this.#onChange = onChange;
    this.#clock = clock;
    this.#told = this.#last = this.#state();
    if (paths.length > 0) this.#wait();
  }

  /** Idempotent. */
  close(): void {
    this.#timer?.cancel();
  }

  #wait(): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), everyMs);
  }

  #look(): void {
    this.#wait();
    const state = this.#state();
    const isStable = state === this.#last;
    this.#last = state;
    if (!isStable || state === this.#told) return;
    this.#told = state;
    this.#onChange();
  }

  /** Follows links. A missing file is a state too. */
  #state(): string {
    return this.#paths
      .map((path) => {
        const found = fileAt(path);
        return found === undefined ? "-" : `${found.ino}:${found.mtimeMs}:${found.size}`;
      })
      .join(" ");
  }
}
