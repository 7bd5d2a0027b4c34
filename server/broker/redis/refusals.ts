import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { RedisUnreachable, RedisUnusable } from "../../lib/redis/unreachable.ts";
import { beingChecked } from "./epoch-guard.ts";

/** The delay before a retry that a refusal suggests, milliseconds. */
const retryAfterMs = 1000;
/** How often the same reason is logged at most, milliseconds. */
const silenceMs = 60_000;
/** Most reasons that are remembered for that. */
const maxReasons = 100;

/** The draft may or may not be stored. */
export function redisUnavailable(reason: string, cause?: unknown): ServiceError {
  return new ServiceError("broker-unavailable", `${reason}; retry with the same id`, { retryAfterMs, cause });
}

/**
 * Turns errors of Redis into refusals. The reason names hosts, ports and settings of the operator, so it is logged, and clients
 * are told only that Redis is not available.
 */
export class Refusals {
  readonly #clock: Clock;
  readonly #loggedAt = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Errors that do not come from Redis stay as they are. */
  of(error: unknown): unknown {
    if (!(error instanceof RedisUnreachable) && !(error instanceof RedisUnusable)) return error;
    if (error.message === beingChecked) return redisUnavailable(beingChecked, error);
    this.#log(error.message);
    return redisUnavailable("Redis is not available", error);
  }

  #log(reason: string): void {
    const now = this.#clock.monotonic();
    if (now - (this.#loggedAt.get(reason) ?? Number.NEGATIVE_INFINITY) < silenceMs) return;
    if (this.#loggedAt.size >= maxReasons) this.#loggedAt.clear();
    this.#loggedAt.set(reason, now);
    getLogger(["fanfare", "broker"]).warning("A request was refused, because Redis could not be used: {reason}", {
      reason,
    });
  }
}
