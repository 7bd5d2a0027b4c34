import { getLogger } from "@logtape/logtape";
import { ServiceError } from "../../protocol/errors.ts";
import { formatByteSize } from "../lib/byte-size.ts";
import type { Clock } from "../lib/clock.ts";

/** How long a measurement is used. */
const sampleMs = 100;
/** Pause between two garbage collections while there is too little memory. Each briefly stops the process. */
const collectMs = 5000;
/**
 * Work is accepted again below this part of the limit, so that the server does not alternate between accepting and
 * refusing.
 */
const recoveredShare = 0.95;
const retryAfterMs = 2000;

export interface MemoryGuardParts {
  /** Of this process. */
  readonly maxBytes: number;
  readonly clock: Pick<Clock, "monotonic">;
  /** The memory that this process uses now. */
  readonly readBytes: () => number;
  /** Collects garbage. */
  readonly collect: () => void;
}

/**
 * Refuses new work before the system would kill the process for using too much memory. It measures only when it is asked, so
 * an idle server does nothing.
 */
export class MemoryGuard {
  readonly #parts: MemoryGuardParts;
  #measuredAt = Number.NEGATIVE_INFINITY;
  #collectedAt = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(parts: MemoryGuardParts) {
    this.#parts = parts;
  }

  /** Hot path. @param now by the monotonic clock @throws ServiceError "overloaded" while there is too little memory */
  check(now = this.#parts.clock.monotonic()): void {
    if (now - this.#measuredAt >= sampleMs) this.#measure(now);
    if (!this.#isOver) return;
    const limit = formatByteSize(this.#parts.maxBytes);
    throw new ServiceError("overloaded", `the server is at its memory limit (MAX_MEMORY, ${limit} for this process)`, {
      retryAfterMs,
    });
  }

  #measure(now: number): void {
    const { maxBytes, readBytes } = this.#parts;
    this.#measuredAt = now;
    let bytes = readBytes();
    if (bytes > maxBytes && now - this.#collectedAt >= collectMs) {
      this.#collectedAt = now;
      this.#parts.collect();
      bytes = readBytes();
    }
    const isOver = bytes > maxBytes * (this.#isOver ? recoveredShare : 1);
    if (isOver !== this.#isOver) logChange(isOver, bytes, maxBytes);
    this.#isOver = isOver;
  }
}

function logChange(isOver: boolean, bytes: number, maxBytes: number): void {
  const log = getLogger(["fanfare", "limits"]);
  const sizes = { used: formatByteSize(roundMiB(bytes)), limit: formatByteSize(roundMiB(maxBytes)) };
  if (isOver) log.warning("This process uses {used} of {limit} (MAX_MEMORY): new work is refused", sizes);
  else log.info("This process uses {used} of {limit} again: new work is accepted", sizes);
}

function roundMiB(bytes: number): number {
  return Math.round(bytes / 1024 ** 2) * 1024 ** 2;
}
