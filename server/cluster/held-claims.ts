import type { Claim, Claimed, Cluster } from "./cluster.ts";

/**
 * The names that this member holds. The cluster releases them when this member expires, so they are claimed again when it has
 * rejoined. A holder that has claimed such a name in the meantime keeps it.
 */
export class HeldClaims {
  readonly #cluster: Pick<Cluster, "claim" | "release">;
  readonly #onLost: (holder: string) => void;
  readonly #holders = new Map<string, string>();

  /** @param onLost called when another holder has taken a name that this holder had */
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
      // Perhaps only the answer was lost. Without this, the name would stay claimed by a holder that was refused.
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

  /** Transfers a name from one holder of this member to another. */
  transfer(key: string, from: string, to: string): void {
    if (this.#holders.get(key) === from) this.#holders.set(key, to);
    this.#claimAgain(key, to, { holder: from });
  }

  /** Claims all names again after this member has rejoined. */
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
      () => undefined, // disconnected: all names are claimed again after rejoining
    );
  }
}
