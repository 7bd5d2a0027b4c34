import type { Claim, Claimed, Cluster } from "./cluster.ts";

/**
 * The names that this member holds. The cluster forgets them when it gives this member up, and so they are claimed again
 * when it is back; whoever holds such a name by then keeps it.
 */
export class HeldClaims {
  readonly #cluster: Pick<Cluster, "claim" | "release">;
  readonly #onLost: (holder: string) => void;
  readonly #holders = new Map<string, string>();

  /** @param onLost another has the name by now that this holder had */
  constructor(cluster: Pick<Cluster, "claim" | "release">, onLost: (holder: string) => void) {
    this.#cluster = cluster;
    this.#onLost = onLost;
  }

  /** See Cluster. */
  async claim(claim: Claim): Promise<Claimed> {
    const { key, holder } = claim;
    try {
      const claimed = await this.#cluster.claim(claim);
      if (claimed.isGranted) this.#holders.set(key, holder);
      return claimed;
    } catch (error) {
      // The answer may be all that was lost: a name whose holder was turned away would be taken for ever.
      this.#cluster.release(key, holder);
      const previous = this.#holders.get(key);
      if (previous !== undefined) this.#claimAgain(key, previous);
      throw error;
    }
  }

  /** See Cluster. */
  release(key: string, holder: string): void {
    if (this.#holders.get(key) === holder) this.#holders.delete(key);
    this.#cluster.release(key, holder);
  }

  /** From one holder of this member to another. */
  passOn(key: string, from: string, to: string): void {
    if (this.#holders.get(key) === from) this.#holders.set(key, to);
    this.#claimAgain(key, to, { holder: from });
  }

  /** This member was given up and is back: nothing is held any more, as far as the cluster knows. */
  claimAllAgain(): void {
    for (const [key, holder] of this.#holders) this.#claimAgain(key, holder);
  }

  /** @param over By default the holder itself: the cluster may not have noticed yet that this member has a new name. */
  #claimAgain(key: string, holder: string, over: Claim["over"] = { holder }): void {
    this.#cluster.claim({ key, holder, over }).then(
      ({ isGranted }) => {
        if (isGranted) return;
        if (this.#holders.get(key) === holder) this.#holders.delete(key);
        this.#onLost(holder);
      },
      () => undefined, // out of reach: all are claimed again once this member is back
    );
  }
}
