import { getLogger } from "@logtape/logtape";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { type LeaseRequest, leaseMs, type ScheduleStore } from "./schedule-store.ts";

/** Those that wait for the lease ask at different times, so that they do not all ask the store at once. */
const spreadMs = 100;
const retries = { firstMs: 200, maxMs: 2000 };

export interface LeaseKeeperOptions {
  readonly store: Pick<ScheduleStore, "lease">;
  readonly clock: Clock;
  /** Identifies this scheduler. */
  readonly holder: string;
  readonly random: () => number;
  /** Called when the lease is won, and each time that it is renewed. */
  readonly onHeld: () => void;
}

/** Gets the lease, and keeps it while it has it. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #wish: LeaseRequest["wish"] = "take";
  #token: number | undefined;
  /** By `clock.monotonic`: when the lease has expired for certain. */
  #until = 0;
  #timer: Timer | undefined;
  #failures = 0;
  #asking: Promise<void> | undefined;
  #asksAgain = false;
  #isOpen = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** The fencing token; undefined while another scheduler may have the lease. */
  get token(): number | undefined {
    return this.#options.clock.monotonic() < this.#until ? this.#token : undefined;
  }

  start(): void {
    this.#isOpen = true;
    this.#ask();
  }

  /** The lease may be free. */
  tryNow(): void {
    if (this.#isOpen && this.token === undefined) this.#ask();
  }

  /** Keeps the lease only until another scheduler takes it. */
  offer(): void {
    if (!this.#isOpen || this.#wish === "offer") return;
    this.#wish = "offer";
    if (this.token !== undefined) this.#ask();
  }

  /** The store has refused the token. */
  lost(): void {
    this.#token = undefined;
    if (this.#isOpen) this.#ask();
  }

  /** Releases the lease. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#timer?.cancel();
    await this.#asking;
    if (this.token === undefined) return;
    this.#token = undefined;
    try {
      await this.#options.store.lease({ holder: this.#options.holder, wish: "release" });
    } catch (error) {
      log().debug("Could not release the lease of the schedules; it expires: {error}", { error });
    }
  }

  #ask(): void {
    if (this.#asking !== undefined) {
      this.#asksAgain = true;
      return;
    }
    this.#timer?.cancel();
    this.#asking = this.#request().finally(() => {
      this.#asking = undefined;
      if (!this.#asksAgain || !this.#isOpen) return;
      this.#asksAgain = false;
      this.#ask();
    });
  }

  async #request(): Promise<void> {
    const { store, clock, holder, random, onHeld } = this.#options;
    const askedAt = clock.monotonic();
    try {
      const { token, expiresInMs } = await store.lease({ holder, wish: this.#wish });
      this.#failures = 0;
      if (token !== this.#token && token !== undefined) log().debug("This process fires the schedules now");
      this.#token = token;
      this.#until = askedAt + expiresInMs;
      this.#askIn(token === undefined ? expiresInMs + random() * spreadMs : leaseMs / 3);
      if (token !== undefined && this.#isOpen) onHeld();
    } catch (error) {
      log().debug("Could not ask for the lease of the schedules: {error}", { error });
      this.#askIn(backoff(++this.#failures, retries, random()));
    }
  }

  #askIn(ms: number): void {
    if (!this.#isOpen) return;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimeout(() => this.#ask(), ms);
  }
}

function log() {
  return getLogger(["fanfare", "schedule"]);
}
