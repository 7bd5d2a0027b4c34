/** For how long after a sentence nothing more is said: about what a screen reader takes for one. */
const quietMs = 4000;

/** Where sentences go and how time passes. */
export interface AnnouncerParts {
  say(sentence: string): void;
  wait(callback: () => void, ms: number): void;
}

/**
 * Tells a listener what came, without drowning them: the first message after a pause as it is, what follows within the
 * next seconds as a number and the last one.
 */
export class Announcer {
  readonly #parts: AnnouncerParts;
  #isQuiet = false;
  #unsaid = 0;
  #last = "";

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  announce(sentence: string): void {
    this.#unsaid++;
    this.#last = sentence;
    if (!this.#isQuiet) this.#sayWhatCame();
  }

  #sayWhatCame(): void {
    const { say, wait } = this.#parts;
    say(this.#unsaid === 1 ? this.#last : `${this.#unsaid} more messages, the last: ${this.#last}`);
    this.#unsaid = 0;
    this.#isQuiet = true;
    wait(() => {
      this.#isQuiet = false;
      if (this.#unsaid > 0) this.#sayWhatCame();
    }, quietMs);
  }
}
