import type { Socket } from "node:net";
import { Transform } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Line } from "../e2e/relay.ts";

/** What a connection lives at least before it breaks. Milliseconds. */
const leastLifeMs = 150;
/** A line that is due breaks inside of one of the next things it carries, or after so long without anything to carry. */
const idleMs = 300;
/** How often a request comes through, and its answer is lost with the line. */
const lostAnswers = 0.08;
const stallMs = 1200;
/** How long the server may be left in the belief that a dead connection lives. */
const ghostMs = 1500;

/** What will happen to one connection. */
interface Fate {
  readonly breaksAt: number;
  /** The next that comes from the server breaks it. */
  isAnswerLost: boolean;
  readonly stallsAt: number;
  readonly stallsMs: number;
  /** Everything comes in crumbs. */
  readonly isSlow: boolean;
  readonly ghostMs: number;
}

/** A network as bad as they come: lines break, also in the middle of a frame, stand still, and crawl. */
export class RoughNetwork {
  /** Lines that broke. */
  cuts = 0;
  /** Those of them that broke in the middle of what they carried. */
  halved = 0;
  /** With it lines neither break nor stall nor crawl any more. */
  isCalm = false;
  readonly #random: () => number;
  readonly #lifeMs: number;
  readonly #held: (() => void)[] = [];
  #isHeld = false;

  /** @param random plans what happens to each line @param lifeMs the longest that a line lives, twice the average */
  constructor(random: () => number, lifeMs: number) {
    this.#random = random;
    this.#lifeMs = lifeMs;
  }

  /** Until `letGo`, nothing more is carried to clients: as if all of them had stopped reading. */
  hold(): void {
    this.#isHeld = true;
  }

  letGo(): void {
    this.#isHeld = false;
    for (const go of this.#held.splice(0)) go();
  }

  readonly line: Line = (near, far) => {
    const fate = this.#drawFate();
    near.on("close", () => setTimeout(() => far.destroy(), this.isCalm ? 0 : fate.ghostMs));
    // A proper end comes through the pipe, behind what is still on its way.
    far.on("close", (isBroken: boolean) => isBroken && near.destroy());
    const breakNow = () => {
      if (near.destroyed) return;
      this.cuts++;
      far.unpipe();
      near.destroy();
    };
    const idle = setInterval(() => {
      if (!this.isCalm && performance.now() > fate.breaksAt + idleMs) breakNow();
    }, idleMs);
    near.on("close", () => clearInterval(idle));
    near.pipe(this.#way(fate, breakNow, far)).pipe(far);
    far.pipe(this.#way(fate, breakNow, near, true)).pipe(near);
  };

  #drawFate(): Fate {
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
  #way(fate: Fate, breakNow: () => void, to: Socket, isToClient = false): Transform {
    let hasStalled = false;
    const carry = async (chunk: Buffer, way: Transform): Promise<void> => {
      if (isToClient && this.#isHeld) await new Promise<void>((resolve) => void this.#held.push(resolve));
      const now = performance.now();
      if (!isToClient && isRequest(chunk) && this.#random() < lostAnswers) fate.isAnswerLost = true;
      if (this.isCalm || to.destroyed) way.push(chunk);
      else if (now > fate.breaksAt || (isToClient && fate.isAnswerLost)) {
        this.halved++;
        way.push(chunk.subarray(0, Math.floor(this.#random() * chunk.length)));
        // So that the half is on its way before the end.
        await sleep(1);
        breakNow();
      } else {
        if (now > fate.stallsAt && !hasStalled) {
          hasStalled = true;
          await sleep(fate.stallsMs);
        }
        if (fate.isSlow) await this.#crawl(chunk, way);
        else way.push(chunk);
      }
    };
    return new Transform({
      transform(chunk: Buffer, _, done) {
        void carry(chunk, this).then(() => done());
      },
    });
  }

  /** In pieces with pauses between them, so that frames come in halves. */
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

/** Whether a publication begins here, as they go by HTTP. */
function isRequest(chunk: Buffer): boolean {
  return chunk.toString("latin1", 0, 5) === "POST ";
}
