import { ServiceError } from "../../protocol/errors.ts";
import { MessageRate } from "../hub/message-rate.ts";
import type { Clock } from "../lib/clock.ts";

/** Maximum number of tracked users. The least recently seen one is evicted first. */
const maxUsers = 10_000;

/**
 * Limits the rate of HTTP requests with a user's token, to as many per second as a connection may send frames. Each channel of
 * a publish request counts as one. API keys are not limited. Counted per process, and separately from connections.
 */
export class UserRates {
  readonly #perSecond: number;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #maxUsers: number;
  /** The least recently seen first. */
  readonly #rates = new Map<string, MessageRate>();

  /** @param perSecond 0 for no limit @param capacity maximum number of tracked users; tests make it small */
  constructor(perSecond: number, clock: Pick<Clock, "monotonic">, capacity = maxUsers) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#maxUsers = capacity;
  }

  /** @throws ServiceError "rate-limited" with the time to wait */
  charge(userId: string, messages: number): void {
    if (this.#perSecond === 0) return;
    const now = this.#clock.monotonic();
    const retryAfterMs = this.#rateOf(userId, now).take(now, messages);
    if (retryAfterMs === 0) return;
    throw new ServiceError("rate-limited", `at most ${this.#perSecond} messages per second from one user`, {
      retryAfterMs,
    });
  }

  #rateOf(userId: string, now: number): MessageRate {
    const known = this.#rates.get(userId);
    const rate = known ?? new MessageRate(this.#perSecond, now);
    this.#rates.delete(userId);
    this.#rates.set(userId, rate);
    if (known === undefined && this.#rates.size > this.#maxUsers) {
      for (const oldest of this.#rates.keys()) {
        this.#rates.delete(oldest);
        break;
      }
    }
    return rate;
  }
}
