import type { Clock, Timer } from "../../lib/clock.ts";
import { type Lease, type LeaseRequest, leaseMs } from "../schedule-store.ts";

interface Held {
  readonly holder: string;
  readonly token: number;
  readonly isOffered: boolean;
  /** By `clock.monotonic`. */
  readonly until: number;
}

/** Decides which scheduler has the lease. The token grows each time that another one gets it, or the same one after a break. */
export class LeaseBook {
  readonly #clock: Clock;
  readonly #onFree: () => void;
  #held: Held | undefined;
  #lastToken = 0;
  #expiry: Timer | undefined;

  /** @param onFree it was released or offered, or it has expired */
  constructor(clock: Clock, onFree: () => void) {
    this.#clock = clock;
    this.#onFree = onFree;
  }

  isHeldWith(token: number): boolean {
    return this.#current()?.token === token;
  }

  request({ holder, wish }: LeaseRequest): Lease {
    const held = this.#current();
    if (wish === "release") return this.#release(holder, held);
    const isFree = held === undefined || held.holder === holder || (held.isOffered && wish === "take");
    if (!isFree) return { token: undefined, expiresInMs: held.until - this.#clock.monotonic() };
    const token = held?.holder === holder ? held.token : ++this.#lastToken;
    const isOffered = wish === "offer";
    this.#held = { holder, token, isOffered, until: this.#clock.monotonic() + leaseMs };
    this.#armExpiry();
    if (isOffered && !(held?.holder === holder && held.isOffered)) this.#onFree();
    return { token, expiresInMs: leaseMs };
  }

  /** Ends the lease of a holder that is known to be gone. */
  gone(holder: string): void {
    this.#release(holder, this.#held);
  }

  /** Tokens given out from now on are larger than this one. */
  continueAfter(token: number): void {
    this.#lastToken = Math.max(this.#lastToken, token);
  }

  get lastToken(): number {
    return this.#lastToken;
  }

  /** Cancels the timer. Idempotent. */
  close(): void {
    this.#expiry?.cancel();
  }

  #current(): Held | undefined {
    return this.#held !== undefined && this.#held.until > this.#clock.monotonic() ? this.#held : undefined;
  }

  #release(holder: string, held: Held | undefined): Lease {
    if (held?.holder !== holder) return { token: undefined, expiresInMs: 0 };
    this.#held = undefined;
    this.#expiry?.cancel();
    this.#onFree();
    return { token: undefined, expiresInMs: 0 };
  }

  #armExpiry(): void {
    this.#expiry?.cancel();
    this.#expiry = this.#clock.setTimeout(() => {
      if (this.#current() === undefined) this.#onFree();
    }, leaseMs);
  }
}
