import type { Clock, Timer } from "../lib/clock.ts";
import type { Claim, Claimed, Cluster } from "./cluster.ts";

/** The holder of a name, as the cluster knows it. */
export type ClaimHolder = NonNullable<Claimed["previous"]>;

/** Delay before retrying to claim a name. */
const retryMs = 1000;

export interface HeldClaimsEvents {
  /** Another holder has taken over a name of this holder. */
  onLost(holder: string): void;
  /**
   * Whether that holder still exists. If Redis lost its last writes, it may name a holder that has already released the
   * name.
   */
  isThere(key: string, holder: ClaimHolder): Promise<boolean>;
}

interface Held {
  readonly holder: string;
  /** The holder that the name was taken from. */
  readonly taken: string | undefined;
}

/**
 * The names that this member holds. The cluster releases them when this member expires, so they are claimed again when it
 * has rejoined. A holder that has claimed such a name in the meantime keeps it.
 */
export class HeldClaims {
  readonly #cluster: Pick<Cluster, "claim" | "release">;
  readonly #events: HeldClaimsEvents;
  readonly #clock: Clock;
  readonly #held = new Map<string, Held>();
  /** Names that could not be claimed again, and the holder that they were to be taken from. */
  readonly #undecided = new Map<string, string | undefined>();
  #timer: Timer | undefined;

  constructor(cluster: Pick<Cluster, "claim" | "release">, clock: Clock, events: HeldClaimsEvents) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#events = events;
  }

  /** See Cluster. */
  async claim(claim: Claim): Promise<Claimed> {
    const { key, holder, over } = claim;
    try {
      const claimed = await this.#cluster.claim(claim);
      const named = typeof over === "string" ? undefined : over.holder;
      if (claimed.isGranted) this.#held.set(key, { holder, taken: claimed.previous?.holder ?? named });
      return claimed;
    } catch (error) {
      // Perhaps only the answer was lost. Without this, the name would stay claimed by a holder that was refused.
      this.#cluster.release(key, holder);
      const previous = this.#held.get(key);
      if (previous !== undefined) this.#claimAgain(key, previous.holder);
      throw error;
    }
  }

  /** See Cluster. */
  release(key: string, holder: string): void {
    if (this.#held.get(key)?.holder === holder) this.#held.delete(key);
    this.#cluster.release(key, holder);
  }

  /** Transfers a name from one holder of this member to another. */
  transfer(key: string, from: string, to: string): void {
    if (this.#held.get(key)?.holder === from) this.#held.set(key, { holder: to, taken: from });
    this.#claimAgain(key, to, from);
  }

  close(): void {
    this.#timer?.cancel();
    this.#undecided.clear();
  }

  /** Claims all names again after this member has rejoined. */
  claimAllAgain(): void {
    for (const [key, { holder }] of this.#held) this.#claimAgain(key, holder);
  }

  /** The cluster may be unable to decide for a while, even if this member is connected. */
  #claimAgain(key: string, holder: string, over?: string): void {
    this.#undecided.delete(key);
    this.#decide(key, holder, over).catch(() => {
      this.#undecided.set(key, over);
      this.#timer ??= this.#clock.setTimeout(() => this.#retry(), retryMs);
    });
  }

  #retry(): void {
    this.#timer = undefined;
    for (const [key, over] of Array.from(this.#undecided)) {
      const holder = this.#held.get(key)?.holder;
      if (holder === undefined) this.#undecided.delete(key);
      else this.#claimAgain(key, holder, over);
    }
  }

  /** @param over By default the holder itself: the cluster may not have noticed yet that this member has a new name. */
  async #decide(key: string, holder: string, over = holder): Promise<void> {
    const { isGranted, previous } = await this.#cluster.claim({ key, holder, over: { holder: over } });
    if (isGranted) return;
    const held = this.#held.get(key);
    const isMine = held?.holder === holder;
    if (isMine && previous !== undefined && over !== previous.holder) {
      const isOld = previous.holder === held.taken || !(await this.#events.isThere(key, previous));
      if (isOld && this.#held.get(key)?.holder === holder) return this.#decide(key, holder, previous.holder);
    }
    if (this.#held.get(key)?.holder === holder) this.#held.delete(key);
    this.#events.onLost(holder);
  }
}
