import { isRetryable } from "../../../protocol/errors.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { printable } from "../printable.ts";

/** What the outbox needs of the one who speaks. */
export interface OutboxDependencies {
  /** Sends a text to everyone. @returns false where there is no connection now */
  say(text: string): boolean;
  /** Tells the person. */
  complain(line: string): void;
  /** A line did not reach everyone, or nobody knows whether it did. Both texts are as they came. */
  giveUp(text: string, why: string): void;
  readonly clock: Pick<Clock, "setTimeout">;
}

/** How long to wait after a refusal that passes, such as `rate-limited`, and for one's own copy. Milliseconds. */
const patienceMs = 1000;
const copyMs = 15_000;

/**
 * Lines on their way to everyone, one at a time and in order.
 *
 * Nothing answers a chat message, so its receipt is one's own copy. Until that is there (or a refusal) the line is kept,
 * and said again when the connection broke meanwhile and the copy is not among what was missed.
 */
export class ChatOutbox {
  readonly #dependencies: OutboxDependencies;
  readonly #waiting: Line[] = [];
  #timer: Timer | undefined;

  constructor(dependencies: OutboxDependencies) {
    this.#dependencies = dependencies;
  }

  /** Resolves once the line was seen by everyone, or refused. */
  send(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ text, resolve });
    if (this.#waiting.length === 1) this.sayFirst();
    return promise;
  }

  /** One's own text came back. */
  see(text: string): void {
    if (this.#waiting[0]?.text === text) this.#settle();
  }

  /** What the server refuses without saying what: it can only be the line that is on its way. */
  refuse(code: string, message: string): void {
    const [first] = this.#waiting;
    if (first === undefined) this.#dependencies.complain(printable(message));
    else if (isRetryable(code)) this.#wait(patienceMs, () => this.sayFirst());
    else this.#drop(message);
  }

  /** The connection is gone: nothing is known of the line that is on its way. */
  hold(): void {
    this.#timer?.cancel();
  }

  /** Says the line whose turn it is, once more where it was said before. */
  sayFirst(): void {
    const [first] = this.#waiting;
    if (first === undefined || !this.#dependencies.say(first.text)) return;
    this.#wait(copyMs, () => this.#drop("it did not come back; whether the others have it is not known"));
  }

  #drop(why: string): void {
    this.#dependencies.giveUp(this.#waiting[0]?.text ?? "", why);
    this.#settle();
  }

  #settle(): void {
    this.#timer?.cancel();
    this.#waiting.shift()?.resolve();
    this.sayFirst();
  }

  #wait(ms: number, then: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#dependencies.clock.setTimeout(then, ms);
  }
}

interface Line {
  readonly text: string;
  readonly resolve: () => void;
}
