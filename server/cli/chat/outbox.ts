import { isRetryable } from "../../../protocol/errors.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
import { printable } from "../printable.ts";

/** Dependencies of the outbox. */
export interface OutboxDependencies {
  /** Sends a text to the channel `all`. @returns false if there is no connection */
  send(text: string): boolean;
  /** Shows an error to the user. */
  warn(line: string): void;
  /** A line was refused, or was not confirmed in time. Both texts are unescaped. */
  onFailed(text: string, why: string): void;
  readonly clock: Pick<Clock, "setTimeout">;
}

/** How long to wait after a temporary refusal such as `rate-limited`, and for the echo of a line. Milliseconds. */
const retryMs = 1000;
const echoTimeoutMs = 15_000;

/**
 * Sends lines to the channel `all`, one at a time and in order.
 *
 * The server does not acknowledge chat messages, but it sends them to the sender too. That echo confirms a line. Until the
 * echo or a refusal arrives, the line is kept. If the connection breaks in the meantime and the echo is not among the missed
 * messages, the line is sent again.
 */
export class ChatOutbox {
  readonly #dependencies: OutboxDependencies;
  readonly #waiting: Line[] = [];
  #timer: Timer | undefined;

  constructor(dependencies: OutboxDependencies) {
    this.#dependencies = dependencies;
  }

  /** Resolves once the line is confirmed or has failed. */
  send(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ text, resolve });
    if (this.#waiting.length === 1) this.sendFirst();
    return promise;
  }

  /** The echo of one's own text arrived. */
  confirm(text: string): void {
    if (this.#waiting[0]?.text === text) this.#settle();
  }

  /** An error frame without a `ref` arrived: it belongs to the line in flight, if there is one. */
  refuse(code: string, message: string): void {
    const [first] = this.#waiting;
    if (first === undefined) this.#dependencies.warn(printable(message));
    else if (isRetryable(code)) this.#wait(retryMs, () => this.sendFirst());
    else this.#drop(message);
  }

  /** Stops the timeout of the line in flight, because the connection is gone. */
  pause(): void {
    this.#timer?.cancel();
  }

  /** Sends the first line, again if it was sent before. */
  sendFirst(): void {
    const [first] = this.#waiting;
    if (first === undefined || !this.#dependencies.send(first.text)) return;
    this.#wait(echoTimeoutMs, () => this.#drop("no confirmation from the server; it may or may not have been sent"));
  }

  #drop(why: string): void {
    this.#dependencies.onFailed(this.#waiting[0]?.text ?? "", why);
    this.#settle();
  }

  #settle(): void {
    this.#timer?.cancel();
    this.#waiting.shift()?.resolve();
    this.sendFirst();
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
