import type { MemberId } from "../cluster/cluster.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Clock, Timer } from "../lib/clock.ts";

/** How long a worker that was lost may take to return with its connections, under another membership. */
const returnMs = 2000;

/** Queries to the other workers. */
type OtherWorkers = Pick<Peers, "on" | "others" | "askForAll" | "isCutOff">;

/** The new connection that an older one of this worker is reserved for. */
interface Reservation {
  readonly by: string;
  /** The worker of the new connection; undefined for this worker. */
  readonly member: MemberId | undefined;
  /** That worker was lost. It may have died, or it may have been cut off briefly and return. */
  readonly isInDoubt: boolean;
}

/** Where a new connection is, as its worker says. */
export type Progress = "catching up" | "caught up" | "gone";

export interface ReservationEvents {
  /** The new connection has caught up. */
  onCaughtUp(old: string, by: string): void;
  /** The new connection has failed. */
  onFreed(old: string, by: string): void;
}

/**
 * The connections of this worker that are reserved for a newer connection of the same client, until that one has caught up
 * or failed.
 *
 * If its worker is lost, the others are asked a little later whether they have it: a worker that was cut off returns with
 * its connections, and its clients must not be taken for gone.
 */
export class Reservations {
  readonly #peers: OtherWorkers;
  readonly #clock: Clock;
  readonly #events: ReservationEvents;
  /** By the id of the older connection. */
  readonly #reserved = new Map<string, Reservation>();
  #timer: Timer | undefined;

  constructor(peers: OtherWorkers, clock: Clock, events: ReservationEvents) {
    this.#peers = peers;
    this.#clock = clock;
    this.#events = events;
    peers.on("memberLost", (member) => {
      for (const [old, it] of this.#reserved) {
        if (it.member === member) this.#reserved.set(old, { ...it, isInDoubt: true });
      }
      this.#arm();
    });
  }

  /** Reserves a connection. @returns false if it is reserved already, for a connection that is not in doubt */
  add(old: string, by: string, member: MemberId | undefined): boolean {
    const reserved = this.#reserved.get(old);
    if (reserved?.isInDoubt === false) return false;
    if (reserved !== undefined) this.free(old, reserved.by); // the client itself has given that connection up
    this.#reserved.set(old, { by, member, isInDoubt: false });
    return true;
  }

  has(old: string, by: string): boolean {
    return this.#reserved.get(old)?.by === by;
  }

  /** The older connection has ended. @returns whether it was reserved */
  delete(old: string): boolean {
    return this.#reserved.delete(old);
  }

  /** The new connection has failed. */
  free(old: string, by: string): void {
    if (!this.has(old, by)) return;
    this.#reserved.delete(old);
    this.#events.onFreed(old, by);
  }

  #arm(): void {
    if (!Array.from(this.#reserved.values()).some(({ isInDoubt }) => isInDoubt)) return;
    this.#timer ??= this.#clock.setTimeout(() => {
      this.#timer = undefined;
      void this.#decideAll();
    }, returnMs);
  }

  async #decideAll(): Promise<void> {
    if (!this.#peers.isCutOff) {
      const doubtful = Array.from(this.#reserved).filter(([, { isInDoubt }]) => isInDoubt);
      await Promise.all(doubtful.map(([old, { by }]) => this.#decide(old, by)));
    }
    this.#arm();
  }

  async #decide(old: string, by: string): Promise<void> {
    const asked = new Set(this.#peers.others().map(({ id }) => id));
    const { answers, isComplete } = await this.#peers.askForAll("still-continues", { old, by });
    if (!this.has(old, by)) return;
    const found = answers.find(({ body }) => body !== ("gone" satisfies Progress));
    if (found?.body === ("caught up" satisfies Progress)) this.#events.onCaughtUp(old, by);
    else if (found !== undefined) this.#reserved.set(old, { by, member: found.member.id, isInDoubt: false });
    // A worker that joined in the meantime was not asked. The next round asks it.
    else if (isComplete && this.#peers.others().every(({ id }) => asked.has(id))) this.free(old, by);
  }
}
