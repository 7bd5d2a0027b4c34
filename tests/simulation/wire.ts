import type { Dice } from "./dice.ts";
import type { AttachedConnection, Process } from "./process.ts";

/** The network between two machines. */
export interface Route {
  /** The latency of a message, milliseconds. */
  readonly delayMs: readonly [least: number, most: number];
  /** Nothing arrives before this time: the network is down, and TCP retransmits until it is up again. */
  heldUntil: number;
}

/**
 * One connection between two processes. It keeps the order in each direction; different connections overtake each other.
 * Either end may close it. It can also break in between, and then both ends, one or neither may notice.
 */
export class Wire implements AttachedConnection {
  readonly near: Process;
  readonly far: Process;
  /** Set by each end. Called once when the connection ends, unless that end closed it itself. */
  onNearEnd: () => void = () => undefined;
  onFarEnd: () => void = () => undefined;
  /** Nothing sent on this connection arrives before this time, while others of the route pass. TCP retransmits it ever later. */
  heldUntil = 0;
  readonly #route: Route;
  readonly #dice: Dice;
  #isNearOpen = true;
  #isFarOpen = true;
  #isBroken = false;
  #lastToNear = 0;
  #lastToFar = 0;

  constructor(near: Process, far: Process, route: Route, dice: Dice) {
    this.near = near;
    this.far = far;
    this.#route = route;
    this.#dice = dice;
    near.wires.add(this);
    far.wires.add(this);
  }

  get isNearOpen(): boolean {
    return this.#isNearOpen;
  }

  get isFarOpen(): boolean {
    return this.#isFarOpen;
  }

  toFar(run: () => void): void {
    if (!this.#isNearOpen || this.#isBroken) return;
    this.#lastToFar = this.#arrival(this.#lastToFar);
    this.far.post(this.#lastToFar, () => {
      if (this.#isFarOpen && !this.#isBroken) run();
    });
  }

  toNear(run: () => void): void {
    if (!this.#isFarOpen || this.#isBroken) return;
    this.#lastToNear = this.#arrival(this.#lastToNear);
    this.near.post(this.#lastToNear, () => {
      if (this.#isNearOpen && !this.#isBroken) run();
    });
  }

  /** Closes the near end. The far end is told after everything that was sent before. */
  closeNear(): void {
    if (!this.#isNearOpen) return;
    this.toFar(() => this.#endFar());
    this.#isNearOpen = false;
    this.near.wires.delete(this);
  }

  closeFar(): void {
    if (!this.#isFarOpen) return;
    this.toNear(() => this.#endNear());
    this.#isFarOpen = false;
    this.far.wires.delete(this);
  }

  /** Breaks the connection: what is in flight is lost. */
  cut(noticedBy: { readonly near: boolean; readonly far: boolean }): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const { now } = this.near.timeline;
    if (noticedBy.near) this.near.post(now + this.#delay(), () => this.#endNear());
    if (noticedBy.far) this.far.post(now + this.#delay(), () => this.#endFar());
  }

  /** One of its processes is gone. */
  onProcessGone(process: Process, isSilent: boolean): void {
    const isNear = process === this.near;
    this.cut({ near: !isNear && !isSilent, far: isNear && !isSilent });
  }

  #endNear(): void {
    if (!this.#isNearOpen) return;
    this.#isNearOpen = false;
    this.near.wires.delete(this);
    this.onNearEnd();
  }

  #endFar(): void {
    if (!this.#isFarOpen) return;
    this.#isFarOpen = false;
    this.far.wires.delete(this);
    this.onFarEnd();
  }

  #arrival(last: number): number {
    const from = Math.max(this.near.timeline.now, this.#route.heldUntil, this.heldUntil);
    return Math.max(last, from + this.#delay());
  }

  #delay(): number {
    return this.#dice.between(...this.#route.delayMs);
  }
}
