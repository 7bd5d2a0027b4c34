import { alignedDelay } from "./aligned-delay.ts";
import type { Clock, Timer } from "./clock.ts";
import { residentBytes } from "./resident-memory.ts";

/** The check interval in milliseconds. */
const checkMs = 5000;
/** A process that uses less of one core than this is idle: nobody notices the pause of a collection. */
const idleShare = 0.05;
/** Growth below this many bytes is not worth a collection. */
const worthBytes = 32 * 1024 * 1024;

/** Measurements and actions, replaceable in tests; by default those of this process. */
export interface CollectorTools {
  /** Processor time used so far, milliseconds. */
  cpuMs(): number;
  residentBytes(): number;
  /** Collects all garbage and returns its pages to the system. Blocks the event loop. */
  collect(): void;
}

const processTools: CollectorTools = {
  cpuMs() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
  residentBytes,
  collect: () => Bun.gc(true),
};

/**
 * Frees memory once the process is idle. The engine collects garbage only when it allocates, so a process that becomes idle
 * would keep the garbage of its busiest minute.
 */
export class IdleCollector {
  readonly #clock: Clock;
  readonly #tools: CollectorTools;
  /** Resident memory after the last collection; undefined until it was measured. */
  #floor: number | undefined;
  #cpuMs: number;
  #checkedAt: number;
  #timer: Timer;

  constructor(clock: Clock, tools: CollectorTools = processTools) {
    this.#clock = clock;
    this.#tools = tools;
    this.#cpuMs = tools.cpuMs();
    this.#checkedAt = clock.monotonic();
    this.#timer = clock.setTimeout(this.#check, alignedDelay(clock, checkMs));
  }

  /** Idempotent. */
  close(): void {
    this.#timer.cancel();
  }

  readonly #check = (): void => {
    const [cpuMs, now] = [this.#tools.cpuMs(), this.#clock.monotonic()];
    const isIdle = cpuMs - this.#cpuMs < idleShare * (now - this.#checkedAt);
    this.#cpuMs = cpuMs;
    this.#checkedAt = now;
    const resident = this.#tools.residentBytes();
    // The minimum, since pages are returned to the system little by little.
    this.#floor = Math.min(this.#floor ?? resident, resident);
    if (isIdle && resident - this.#floor >= worthBytes) {
      this.#tools.collect();
      this.#floor = undefined;
      this.#cpuMs = this.#tools.cpuMs(); // the collection itself does not count as activity
    }
    this.#timer = this.#clock.setTimeout(this.#check, alignedDelay(this.#clock, checkMs));
  };
}
