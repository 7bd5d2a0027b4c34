/** How a server is stopped. `drain`: waits for the clients to leave. `move`: makes them reconnect elsewhere. `now`: closes them. */
export type StopKind = "drain" | "move" | "now";

const byUrgency: readonly StopKind[] = ["drain", "move", "now"];

/**
 * Keeps stops that are requested while the workers change to the next program. The workers would miss a part of such a stop,
 * and the next program would start new ones. So the next program makes it.
 */
export class HandOver {
  #isRunning = false;
  #stop: StopKind | undefined;

  begin(): void {
    this.#isRunning = true;
  }

  /** There is no next program. */
  failed(): void {
    this.#isRunning = false;
  }

  /** @returns whether the next program makes this stop. Of several, it makes the most urgent one. */
  leave(stop: StopKind): boolean {
    if (!this.#isRunning) return false;
    if (this.#stop === undefined || byUrgency.indexOf(stop) > byUrgency.indexOf(this.#stop)) this.#stop = stop;
    return true;
  }

  /** The stop that the next program makes. */
  get stop(): StopKind | undefined {
    return this.#stop;
  }
}
