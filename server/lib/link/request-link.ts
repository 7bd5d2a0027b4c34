import { systemClock } from "../clock.ts";
import type { LinkEnd } from "./link.ts";
import { SteadyLink, type SteadyLinkSettings } from "./steady-link.ts";

/** How long to wait for the host at start, in milliseconds: longer than detecting a hung host takes. */
const startMs = 15_000;

/** The address of the host, and the name of requests to it. */
export interface RequestLinkSettings extends SteadyLinkSettings {
  /** The other side, as the subject of an error message: `the presence host`. */
  readonly host: string;
  /** Makes the error of a request that gets no answer. */
  readonly makeError: (reason: string) => Error;
}

/** Callbacks of a request link. They must not throw. */
export interface RequestLinkEvents {
  /** A link is open, the first one or a new one. The host greets next, or waits for a message. */
  onOpen(): void;
  /** Any message of the host, parsed. The owner calls `greeted` or `answer` for those that are about requests. */
  onMessage(message: unknown): void;
  /** The link has broken because this side could not handle a message. */
  onFault(cause: unknown): void;
}

/** A message of the host that answers the request with this number. */
interface Numbered {
  readonly n: number;
}

/**
 * Requests over a steady link to the process that holds some state for all workers.
 *
 * Invariant: every request settles once: by its answer, by `refuse`, or because the link broke. Requests are refused from
 * the time a link breaks until the host has greeted on the next one.
 */
export class RequestLink<Message, Answer extends Numbered> {
  readonly #settings: RequestLinkSettings;
  readonly #steady: SteadyLink;
  readonly #waiting = new Map<number, PromiseWithResolvers<Answer>>();
  readonly #started = Promise.withResolvers<void>();
  #isGreeted = false;
  #last = 0;

  constructor(settings: RequestLinkSettings, events: RequestLinkEvents) {
    this.#settings = settings;
    this.#steady = new SteadyLink(settings, {
      onOpen: () => events.onOpen(),
      onText: (text) => events.onMessage(JSON.parse(text)),
      onBreak: (end) => {
        if (end.cause !== undefined) events.onFault(end.cause);
        this.#broke(end);
      },
      onFailure: ({ reason, isRefusal }) => isRefusal && this.#started.reject(new Error(reason)),
    });
  }

  /** Resolves once the host has greeted. Called once. @throws Error if it does not in time, or uses another version */
  async start(): Promise<void> {
    this.#steady.start();
    const { clock = systemClock, host, path } = this.#settings;
    const late = new Error(`${host} did not answer on ${path} within ${startMs / 1000} s`);
    const timer = clock.setTimeout(() => this.#started.reject(late), startMs);
    await this.#started.promise.finally(() => timer.cancel());
  }

  /** Whether requests can be sent. */
  get isGreeted(): boolean {
    return this.#isGreeted;
  }

  /** The host is ready for requests. */
  greeted(): void {
    this.#isGreeted = true;
    this.#started.resolve();
  }

  /** Sends a request with a number of its own. Rejects with `makeError` if there is no answer. */
  ask(message: (n: number) => Message): Promise<Answer> {
    if (!this.#isGreeted) return Promise.reject(this.#settings.makeError(`${this.#settings.host} is not connected`));
    const n = ++this.#last;
    const waiting = Promise.withResolvers<Answer>();
    this.#waiting.set(n, waiting);
    this.send(message(n));
    return waiting.promise;
  }

  /** Resolves the request with this number. */
  answer(answer: Answer): void {
    this.#settle(answer.n)?.resolve(answer);
  }

  /** Rejects the request with this number. */
  refuse({ n }: Numbered, error: Error): void {
    this.#settle(n)?.reject(error);
  }

  /** Sends a message that has no answer. Does nothing while no link is open. */
  send(message: Message): void {
    this.#steady.link?.send(JSON.stringify(message));
  }

  /** Sends queued messages, closes, and rejects requests in flight. Idempotent. */
  async close(): Promise<void> {
    await this.#steady.close();
    this.#rejectAll("this side has closed the link");
  }

  #settle(n: number): PromiseWithResolvers<Answer> | undefined {
    const waiting = this.#waiting.get(n);
    this.#waiting.delete(n);
    return waiting;
  }

  #broke({ reason }: LinkEnd): void {
    this.#isGreeted = false;
    this.#rejectAll(reason);
  }

  #rejectAll(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(this.#settings.makeError(reason));
    this.#waiting.clear();
  }
}
