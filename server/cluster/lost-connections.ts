import type { Clock, Timer } from "../lib/clock.ts";

/** How long the connections of a lost member may take to appear under another membership. */
const returnMs = 1000;
/**
 * The same after this member itself got a new membership. What ended its own, such as a Redis that refused writes or lost its data,
 * ended those of the others, too: they notice with their next heartbeat, 2 s later, or with their next attempt to join.
 */
const othersReturnMs = 5000;
/** A member that expired and joined again at once is not missed before its former membership has been silent for this long. */
const silentMs = 10_000;

/**
 * Distinguishes members that are gone from members that only changed their membership.
 *
 * A break of the link to Redis ends memberships, but no connection of a client. The same connections then return with the
 * next membership, before or after the former one is removed. Only connections that do not return have left.
 */
export class LostConnections {
  readonly #clock: Clock;
  readonly #isCutOff: () => boolean;
  readonly #onGone: (connections: number) => void;
  #lost = 0;
  #returned = 0;
  /** Connections that returned before their loss was noticed, and until when they count. */
  #early = { connections: 0, until: 0 };
  #timer: Timer | undefined;

  /**
   * @param isCutOff whether this member itself has no membership, and so does not know about the others
   * @param onGone called with the number of connections that did not return
   */
  constructor(clock: Clock, isCutOff: () => boolean, onGone: (connections: number) => void) {
    this.#clock = clock;
    this.#isCutOff = isCutOff;
    this.#onGone = onGone;
  }

  lost(connections: number): void {
    if (this.#early.until < this.#clock.monotonic()) this.#early.connections = 0;
    const known = Math.min(this.#early.connections, connections);
    this.#early.connections -= known;
    this.#lost += connections - known;
    if (connections > known) this.#arm();
  }

  /** A new member reported connections that it has already. */
  returned(connections: number): void {
    this.#returned += connections;
    if (connections > 0) this.#arm();
  }

  /** This member has a new membership: the others report their connections from now on. */
  restartWait(): void {
    if (this.#timer === undefined) return;
    this.close();
    this.#arm(othersReturnMs);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arm(waitMs = returnMs): void {
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      if (this.#isCutOff()) return this.#arm();
      const gone = this.#lost - this.#returned;
      this.#lost = 0;
      this.#returned = 0;
      if (gone > 0) this.#onGone(gone);
      else if (gone < 0) this.#early = { connections: -gone, until: this.#clock.monotonic() + silentMs };
    }, waitMs);
  }
}
