import { getLogger } from "@logtape/logtape";
import { isoTime } from "../../protocol/codec.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Clock } from "../lib/clock.ts";
import { OldestFirst } from "../lib/oldest-first.ts";
import { randomId } from "../lib/random-id.ts";
import { Breaker } from "./breaker.ts";
import type { Post } from "./post.ts";
import { parseVerdict, type Verdict } from "./verdict.ts";

/** Answers that are kept, about 300 bytes each. Beyond that the oldest are forgotten. */
const maxKept = 100_000;
/** Requests at the same time. */
const maxInFlight = 100;
/** Questions that wait for a slot. Each is a client that waits, and most would time out. */
const maxWaiting = 5000;

/** The question to an application: `{"user_id":"u1","channel":"room:1"}`. */
export type Question = Readonly<Record<string, string | null>>;

export interface DecisionSettings {
  readonly type: "connect" | "subscribe";
  readonly url: string;
  readonly timeoutMs: number;
  /** Whether the answer is yes while the application does not answer. */
  readonly allowsOnFailure: boolean;
}

interface Kept {
  readonly verdict: Verdict;
  readonly until: number;
}

/**
 * Asks the application a question and keeps its answers for as long as it says. The same question is asked once at a time.
 * An application that does not answer is not called for a while. A setting decides what happens then.
 */
export class DecisionHook {
  /** Plain additions, read by the metrics scraper. */
  readonly counts = { calls: 0, failures: 0, kept: 0, refusals: 0 };
  readonly #settings: DecisionSettings;
  readonly #post: Post;
  readonly #clock: Clock;
  readonly #breaker: Breaker;
  readonly #kept = new Map<string, Kept>();
  readonly #oldestKept = new OldestFirst(this.#kept);
  readonly #asking = new Map<string, Promise<Verdict>>();
  readonly #waiting = new Set<(hasPlace: boolean) => void>();
  #inFlight = 0;

  constructor(settings: DecisionSettings, post: Post, clock: Clock) {
    this.#settings = settings;
    this.#post = post;
    this.#clock = clock;
    this.#breaker = new Breaker(clock);
  }

  /** At once if the answer is known. @throws ServiceError "hook-unavailable" (as a rejection too) */
  ask(question: Question): Verdict | Promise<Verdict> {
    const key = JSON.stringify(question);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > this.#clock.monotonic()) {
      this.counts.kept++;
      return this.#counted(kept.verdict);
    }
    let asking = this.#asking.get(key);
    if (asking === undefined) {
      asking = this.#ask(key).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    return asking.then((verdict) => this.#counted(verdict));
  }

  #counted(verdict: Verdict): Verdict {
    if (!verdict.isAllowed) this.counts.refusals++;
    return verdict;
  }

  async #ask(key: string): Promise<Verdict> {
    if (!(await this.#waitForSlot())) return this.#withoutAnswer(new Error("too many calls of the hook are waiting"));
    try {
      return this.#breaker.enter() ? await this.#call(key) : this.#withoutAnswer();
    } finally {
      this.#leave();
    }
  }

  /** Waits for a free slot, for as long as an answer may take. @returns whether there is one */
  async #waitForSlot(): Promise<boolean> {
    if (this.#inFlight < maxInFlight) {
      this.#inFlight++;
      return true;
    }
    if (this.#waiting.size >= maxWaiting) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#waiting.add(resolve);
    const timer = this.#clock.setTimeout(
      () => this.#waiting.delete(resolve) && resolve(false),
      this.#settings.timeoutMs,
    );
    return promise.finally(() => timer.cancel());
  }

  /** Passes the slot to the next question, or frees it. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#inFlight--;
    else {
      this.#waiting.delete(next);
      next(true);
    }
  }

  async #call(key: string): Promise<Verdict> {
    const { type, url, timeoutMs } = this.#settings;
    const body = `{"type":"${type}","timestamp":"${isoTime(this.#clock.now())}","data":${key}}`;
    this.counts.calls++;
    try {
      const verdict = parseVerdict(await this.#post({ url, id: `msg_${randomId(18)}`, body, timeoutMs }));
      this.#breaker.succeeded();
      this.#keep(key, verdict);
      return verdict;
    } catch (error) {
      this.counts.failures++;
      this.#failed(error);
      return this.#withoutAnswer(error);
    }
  }

  #keep(key: string, verdict: Verdict): void {
    this.#kept.delete(key);
    if (verdict.maxAgeMs === 0) return;
    const oldest = this.#kept.size >= maxKept ? this.#oldestKept.next() : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    this.#kept.set(key, { verdict, until: this.#clock.monotonic() + verdict.maxAgeMs });
  }

  #failed(error: unknown): void {
    const isNewlyOpen = this.#breaker.failed();
    const { type, url } = this.#settings;
    const reason = error instanceof Error ? error.message : String(error);
    const properties = { type, url, reason };
    if (isNewlyOpen)
      log().warning("The {type} hook at {url} does not work and is called less often: {reason}", properties);
    else log().debug("The {type} hook at {url} failed: {reason}", properties);
  }

  /** @throws ServiceError "hook-unavailable" unless the setting says that a client may pass */
  #withoutAnswer(cause?: unknown): Verdict {
    const { allowsOnFailure, type } = this.#settings;
    if (allowsOnFailure) return { isAllowed: true, maxAgeMs: 0 };
    const retryAfterMs = Math.max(1000, Math.ceil(this.#breaker.waitMs));
    const message = `the application that decides who may ${type} does not answer: try again later`;
    throw new ServiceError("hook-unavailable", message, { cause, retryAfterMs });
  }
}

function log() {
  return getLogger(["fanfare", "hooks"]);
}
