/** The pause after an announcement: about the time a screen reader needs for one. */
const quietMs = 4000;

/** Output and timer, passed in for tests. */
export interface AnnouncerParts {
  say(sentence: string): void;
  wait(callback: () => void, ms: number): void;
}

/**
 * Announces messages to screen readers without flooding them: the first message after a pause is read out at once; those
 * of the next seconds are summed up as a number and the last one.
 */
export class Announcer {
  readonly #parts: AnnouncerParts;
  #isQuiet = false;
  #pending = 0;
  #last = "";

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  announce(sentence: string): void {
    this.#pending++;
    this.#last = sentence;
    if (!this.#isQuiet) this.#announcePending();
  }

  #announcePending(): void {
    const { say, wait } = this.#parts;
    say(this.#pending === 1 ? this.#last : `${this.#pending} more messages, the last: ${this.#last}`);
    this.#pending = 0;
    this.#isQuiet = true;
    wait(() => {
      this.#isQuiet = false;
      if (this.#pending > 0) this.#announcePending();
    }, quietMs);
  }
}
