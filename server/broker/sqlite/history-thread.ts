import type { Answer, Reply, Request } from "./thread-messages.ts";

interface Waiting {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The storage thread, as its log uses it.
 *
 * One list of requests is in flight at a time. Requests made in the meantime form the next list, so the thread's backlog is
 * never more than what arrived during its last transaction. The thread keeps the process alive only while requests are in
 * flight.
 */
export class HistoryThread {
  readonly #worker: Worker;
  readonly #ended = Promise.withResolvers<void>();
  #waiting: Waiting[] = [];
  #inFlight: readonly Waiting[] = [];
  #end: Error | undefined;

  /** @param onNote Called with each finding about the file, a sentence at a time. */
  constructor(onNote: (note: string) => void = () => {}) {
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

  /** @throws Error if the thread has ended; the request may or may not have taken effect. */
  ask(request: Request): Promise<Answer> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      if (this.#waiting.length === 1 && this.#inFlight.length === 0) queueMicrotask(() => this.#send());
    });
  }

  /** Terminates the thread, even during a request. Idempotent. */
  async end(): Promise<void> {
    this.#worker.ref(); // wait for it to end
    this.#worker.terminate();
    await this.#ended.promise;
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
    }
  }

  #resolveAll(answers: readonly Answer[]): void {
    const answered = this.#inFlight;
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
    for (const { reject } of [...this.#inFlight, ...this.#waiting]) reject(error);
    this.#inFlight = [];
    this.#waiting = [];
  }
}
