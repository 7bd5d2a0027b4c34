import type { Socket } from "node:net";
import { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { NetworkBehaviour } from "../e2e/relay.ts";

/** The minimum lifetime of a connection. Milliseconds. */
const leastLifeMs = 150;
/** A connection that is due breaks inside one of the next chunks, or after this long without data. Milliseconds. */
const idleMs = 300;
/** The share of requests that arrive, but whose answer is lost with the connection. */
const lostAnswers = 0.08;
const stallMs = 1200;
/** How long the server may not notice that a connection is dead. Milliseconds. */
const ghostMs = 1500;

/** The fate of one connection. */
interface LinePlan {
  readonly breaksAt: number;
  /** The next data from the server breaks the connection. */
  isAnswerLost: boolean;
  readonly stallsAt: number;
  readonly stallsMs: number;
  /** Everything arrives in tiny pieces. */
  readonly isSlow: boolean;
  readonly ghostMs: number;
}

/** An unreliable network: connections break, also in the middle of a frame, stall, and slow down. */
export class RoughNetwork {
  /** Connections that broke. */
  cuts = 0;
  /** Connections that broke in the middle of a chunk of data. */
  halved = 0;
  /** When true, connections no longer break, stall or slow down. */
  isCalm = false;
  readonly #random: () => number;
  readonly #lifeMs: number;
  readonly #held: (() => void)[] = [];
  #isHeld = false;

  /**
   * @param random plans what happens to each connection
   * @param lifeMs the maximum lifetime of a connection, twice the average
   */
  constructor(random: () => number, lifeMs: number) {
    this.#random = random;
    this.#lifeMs = lifeMs;
  }

  /** Until `release`, no data reaches clients, as if all of them had stopped reading. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    for (const go of this.#held.splice(0)) go();
  }

  readonly behaviour: NetworkBehaviour = (near, far) => {
    const plan = this.#drawPlan();
    near.on("close", () => setTimeout(() => far.destroy(), this.isCalm ? 0 : plan.ghostMs));
    // A regular close goes through the pipe, after the data that is still in flight.
    far.on("close", (isBroken: boolean) => isBroken && near.destroy());
    const breakNow = () => {
      if (near.destroyed) return;
      this.cuts++;
      far.unpipe();
      near.destroy();
    };
    const idle = setInterval(() => {
      if (!this.isCalm && performance.now() > plan.breaksAt + idleMs) breakNow();
    }, idleMs);
    near.on("close", () => clearInterval(idle));
    near.pipe(this.#way(plan, breakNow, far)).pipe(far);
    far.pipe(this.#way(plan, breakNow, near, true)).pipe(near);
  };

  #drawPlan(): LinePlan {
    const random = this.#random;
    const now = performance.now();
    return {
      breaksAt: now + leastLifeMs + random() * this.#lifeMs,
      isAnswerLost: false,
      stallsAt: random() < 0.3 ? now + random() * 3000 : Number.POSITIVE_INFINITY,
      stallsMs: random() * stallMs,
      isSlow: random() < 0.2,
      ghostMs: random() < 0.3 ? random() * ghostMs : 0,
    };
  }

  /** One direction of one connection. */
  #way(plan: LinePlan, breakNow: () => void, to: Socket, isToClient = false): Transform {
    let hasStalled = false;
    const carry = async (chunk: Buffer, way: Transform): Promise<void> => {
      if (isToClient && this.#isHeld) await new Promise<void>((resolve) => void this.#held.push(resolve));
      const now = performance.now();
      if (!isToClient && isRequest(chunk) && this.#random() < lostAnswers) plan.isAnswerLost = true;
      if (this.isCalm || to.destroyed) way.push(chunk);
      else if (now > plan.breaksAt || (isToClient && plan.isAnswerLost)) {
        this.halved++;
        way.push(chunk.subarray(0, Math.floor(this.#random() * chunk.length)));
        // So that the first half is sent before the close.
        await sleep(1);
        breakNow();
      } else {
        if (now > plan.stallsAt && !hasStalled) {
          hasStalled = true;
          await sleep(plan.stallsMs);
        }
        if (plan.isSlow) await this.#crawl(chunk, way);
        else way.push(chunk);
      }
    };
    return new Transform({
      transform(chunk: Buffer, _, done) {
        void carry(chunk, this).then(() => done());
      },
    });
  }

  /** Passes data on in pieces with pauses between them, so that frames arrive in halves. */
  async #crawl(chunk: Buffer, way: Transform): Promise<void> {
    let at = 0;
    for (let pieces = 1 + Math.floor(this.#random() * 3); pieces > 0 && at < chunk.length; pieces--) {
      const next = at + Math.ceil(this.#random() * (chunk.length - at));
      way.push(chunk.subarray(at, next));
      at = next;
      await sleep(1 + this.#random() * 8);
    }
    if (at < chunk.length) way.push(chunk.subarray(at));
  }
}

/** Whether this chunk begins with an HTTP request that publishes. */
function isRequest(chunk: Buffer): boolean {
  return chunk.toString("latin1", 0, 5) === "POST ";
}
