import { type Clock, systemClock, type Timer } from "../../lib/clock.ts";
import type { Answer, Reply, Request } from "./thread-messages.ts";

/** A thread that does not answer for this long waits for a disk that does not respond. Milliseconds. */
const stallMs = 10_000;
/** If a timer is later than this, the process itself was suspended, and the thread with it. */
const suspendedMs = 1000;

/** The disk does not respond. */
export class StalledThread extends Error {
  override readonly name = "StalledThread";
}

interface Waiting {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The storage thread, as its log uses it.
 *
 * One list of requests is in flight at a time. Requests made in the meantime form the next list, so the thread's backlog is
 * never more than arrived during its last transaction. The thread keeps the process alive only while requests are in
 * flight.
 *
 * If the disk does not respond, nothing can interrupt the thread. Then the requests in flight are rejected, although they may still
 * take effect, and all others are rejected without being sent, until the thread answers.
 */
export class HistoryThread {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #ended = Promise.withResolvers<void>();
  #waiting: Waiting[] = [];
  #inFlight: readonly Waiting[] = [];
  #end: Error | undefined;
  #stallTimer: Timer | undefined;
  #isStalled = false;

  /** @param onNote Called with each finding about the file, a sentence at a time. */
  constructor(onNote: (note: string) => void = () => {}, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#worker = new Worker(new URL("./thread.ts", import.meta.url).href);
    this.#worker.unref();
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      for (const note of data.notes) onNote(note);
      this.#resolveAll(data.answers);
    };
    this.#worker.onerror = ({ message }) => this.#fail(new Error(`the storage thread failed: ${message}`));
    this.#worker.addEventListener("close", () => {
      this.#fail(new Error("the storage thread has ended"));
      this.#ended.resolve();
    });
  }

  /** Whether the thread has ended. Requests then fail. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /**
   * The request may or may not have taken effect if it is rejected.
   * @throws StalledThread, or Error if the thread has ended
   */
  ask(request: Request): Promise<Answer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    if (this.#isStalled) return Promise.reject(new StalledThread("the disk does not respond"));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (this.#waiting.length === 1 && this.#inFlight.length === 0) queueMicrotask(() => this.#send());
    });
  }

  /** Terminates the thread, even during a request. Does not wait for a disk that does not respond. Idempotent. */
  async end(): Promise<void> {
    this.#stallTimer?.cancel();
    if (!this.#isStalled) this.#worker.ref(); // wait for it to end
    this.#worker.terminate();
    if (!this.#isStalled) await this.#ended.promise;
  }

  #send(): void {
    if (this.#end !== undefined || this.#waiting.length === 0) return;
    this.#inFlight = this.#waiting;
    this.#waiting = [];
    this.#worker.ref();
    try {
      this.#worker.postMessage(this.#inFlight.map(({ request }) => request));
    } catch (error) {
      // A request contains something that cannot be copied: a bug of the caller. The thread received none of the list.
      const unsent = this.#inFlight;
      this.#inFlight = [];
      this.#worker.unref();
      for (const { reject } of unsent) reject(error);
      return;
    }
    if (!this.#inFlight.some(isLong)) this.#watch();
  }

  #watch(): void {
    const dueAt = this.#clock.monotonic() + stallMs;
    this.#stallTimer = this.#clock.setTimeout(() => {
      if (this.#clock.monotonic() - dueAt > suspendedMs) this.#watch();
      else this.#stall();
    }, stallMs);
  }

  #stall(): void {
    this.#isStalled = true;
    this.#worker.unref();
    this.#rejectAll(new StalledThread(`the disk has not responded for ${stallMs / 1000} s`));
  }

  #resolveAll(answers: readonly Answer[]): void {
    this.#stallTimer?.cancel();
    this.#isStalled = false;
    const answered = this.#inFlight; // empty after a stall
    this.#inFlight = [];
    this.#worker.unref();
    this.#send();
    for (const [at, { resolve, reject }] of answered.entries()) {
      const answer = answers[at];
      if (answer === undefined) reject(new Error("the storage thread returned fewer answers than questions"));
      else resolve(answer);
    }
  }

  #fail(error: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    this.#stallTimer?.cancel();
    this.#rejectAll(error);
  }

  #rejectAll(error: Error): void {
    for (const { reject } of [...this.#inFlight, ...this.#waiting]) reject(error);
    this.#inFlight = [];
    this.#waiting = [];
  }
}

/** It reads or writes everything that is stored. */
function isLong({ request }: Waiting): boolean {
  return request?.verb === "open" || request?.verb === "setRules" || request?.verb === "close";
}
