import type { Dice } from "./dice.ts";
import type { Attached, Process } from "./process.ts";

/** The way between two machines. */
export interface Route {
  /** Milliseconds that a message takes. */
  readonly delayMs: readonly [least: number, most: number];
  /** Nothing arrives before this time: the network is broken, and TCP sends again until it is mended. */
  heldUntil: number;
}

/**
 * One connection between two processes: ordered in each direction, while different connections overtake each other. Either
 * end may close it, and it can break in between, which both, one or neither of them may notice.
 */
export class Wire implements Attached {
  readonly near: Process;
  readonly far: Process;
  /** Set by the ends; called once, unless the end closed it itself. */
  onNearEnd: () => void = () => undefined;
  onFarEnd: () => void = () => undefined;
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

  /** The near end closes; the other one is told behind everything that was sent before. */
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

  /** It breaks: what is on its way is lost. */
  cut(tells: { readonly near: boolean; readonly far: boolean }): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    const { now } = this.near.timeline;
    if (tells.near) this.near.post(now + this.#delay(), () => this.#endNear());
    if (tells.far) this.far.post(now + this.#delay(), () => this.#endFar());
  }

  /** One of the processes is gone. */
  endOf(process: Process, isSilent: boolean): void {
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
    const from = Math.max(this.near.timeline.now, this.#route.heldUntil);
    return Math.max(last, from + this.#delay());
  }

  #delay(): number {
    return this.#dice.between(...this.#route.delayMs);
  }
}
