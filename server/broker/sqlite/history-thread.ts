import type { Answer, Reply, Request } from "./thread-messages.ts";

interface Waiting {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The storage thread, as its log uses it.
 *
 * One list of requests is on its way at a time; what is asked meanwhile leaves together with the next one. So however much
 * is asked, the thread never has more before it than came during its last transaction. It keeps the process alive only
 * while there is something to answer.
 */
export class HistoryThread {
  readonly #worker: Worker;
  readonly #ended = Promise.withResolvers<void>();
  #waiting: Waiting[] = [];
  #onTheWay: readonly Waiting[] = [];
  #end: Error | undefined;

  /** @param onNote Hears what the thread found out about the file, a sentence at a time. */
  constructor(onNote: (note: string) => void = () => {}) {
    this.#worker = new Worker(new URL("./thread.ts", import.meta.url).href);
    this.#worker.unref();
    this.#worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      for (const note of data.notes) onNote(note);
      this.#settle(data.answers);
    };
    this.#worker.onerror = ({ message }) => this.#fail(new Error(`the thread that stores failed: ${message}`));
    this.#worker.addEventListener("close", () => {
      this.#fail(new Error("the thread that stores has ended"));
      this.#ended.resolve();
    });
  }

  /** Whether the thread has ended; requests fail then. */
  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  /** @throws Error if the thread has ended; the request may or may not have taken effect. */
  ask(request: Request): Promise<Answer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (this.#waiting.length === 1 && this.#onTheWay.length === 0) queueMicrotask(() => this.#send());
    });
  }

  /** Ends it, whatever it is doing. Idempotent. */
  async end(): Promise<void> {
    this.#worker.ref(); // its end is waited for
    this.#worker.terminate();
    await this.#ended.promise;
  }

  #send(): void {
    if (this.#end !== undefined || this.#waiting.length === 0) return;
    this.#onTheWay = this.#waiting;
    this.#waiting = [];
    this.#worker.ref();
    try {
      this.#worker.postMessage(this.#onTheWay.map(({ request }) => request));
    } catch (error) {
      // Something in it cannot be copied: a bug of whoever asked, who is told; the thread has not seen it.
      const unsent = this.#onTheWay;
      this.#onTheWay = [];
      this.#worker.unref();
      for (const { reject } of unsent) reject(error);
    }
  }

  #settle(answers: readonly Answer[]): void {
    const answered = this.#onTheWay;
    this.#onTheWay = [];
    this.#worker.unref();
    this.#send();
    for (const [at, { resolve, reject }] of answered.entries()) {
      const answer = answers[at];
      if (answer === undefined) reject(new Error("the thread that stores gave fewer answers than it was asked"));
      else resolve(answer);
    }
  }

  #fail(error: Error): void {
    if (this.#end !== undefined) return;
    this.#end = error;
    for (const { reject } of [...this.#onTheWay, ...this.#waiting]) reject(error);
    this.#onTheWay = [];
    this.#waiting = [];
  }
}
