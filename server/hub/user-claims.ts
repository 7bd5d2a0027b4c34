import { ServiceError } from "../../protocol/errors.ts";
import type { Claim, Claimed } from "../cluster/cluster.ts";
import type { ClaimHolder } from "../cluster/held-claims.ts";
import type { Peers } from "../cluster/peers.ts";

const keyPrefix = "user:";

/** A connection being opened. */
export interface Claimant {
  readonly userId: string;
  readonly connectionId: string;
  /** The connection that it continues, which may be replaced in either mode. */
  readonly predecessorId: string | undefined;
  /**
   * The connection that its resume key names, if no worker has promised it: its worker may have crashed and still hold the
   * claim. It may be replaced in either mode, since both connections belong to one client.
   */
  readonly formerId?: string | undefined;
}

/** Called for the connection that holds a user. Also called for connections of other workers; then it does nothing. */
export interface ClaimEvents {
  /** A newer connection has claimed its user. */
  onReplaced(connectionId: string): void;
  /** A new connection may be refused because of this one: checks whether its client is still there. */
  onProbe(connectionId: string): "open" | "gone";
}

/**
 * The state of a connection, as its worker knows it. `opening`: its handshake is not finished, and its client may have
 * given up.
 */
type HolderState = "open" | "opening" | "gone";

/**
 * Enforces USER_CONNECTIONS over the whole server: `reject` keeps the existing connection of a user, `replace` the newest.
 * The cluster decides, so two workers never both accept one.
 */
export class UserClaims {
  readonly #mode: "reject" | "replace";
  readonly #peers: Peers;
  readonly #events: ClaimEvents;
  /**
   * Connections whose claim is held or pending but that are not open yet. A connection replaced in the meantime is removed.
   */
  readonly #opening = new Set<string>();

  constructor(mode: "reject" | "replace", peers: Peers, events: ClaimEvents) {
    this.#mode = mode;
    this.#peers = peers;
    this.#events = events;
    peers.on("claimLost", (connectionId) => this.#replaced(connectionId));
    peers.handle("replaced", (connectionId: string) => this.#replaced(connectionId));
    peers.handle("probe", (connectionId: string) => this.#probe(connectionId));
    peers.isHolderThere = async (key, holder) => !key.startsWith(keyPrefix) || isThere(await this.#stateOf(holder));
  }

  /**
   * Claims the user for a connection that is not open yet: `opened` or `release` follows.
   * @throws ServiceError "conflict" if the user is connected elsewhere, "broker-unavailable" if that cannot be decided now
   */
  async claim(claimant: Claimant): Promise<void> {
    this.#opening.add(claimant.connectionId);
    try {
      await this.#claimOrProbe(claimant);
    } catch (error) {
      this.#opening.delete(claimant.connectionId);
      throw error;
    }
  }

  /** The connection is open. @returns whether it still has its user, and was not replaced meanwhile */
  opened(connectionId: string): boolean {
    return this.#opening.delete(connectionId);
  }

  async #claimOrProbe({ userId, connectionId, predecessorId, formerId }: Claimant): Promise<void> {
    const own = predecessorId ?? formerId;
    const mayReplace = own === undefined ? ("nobody" as const) : { holder: own };
    const over = this.#mode === "replace" ? ("anybody" as const) : mayReplace;
    const claim = { key: keyOf(userId), holder: connectionId, over };
    let claimed = await this.#claim(claim);
    // A worker that knows no such connection has released its claim by now.
    if (!claimed.isGranted && (await this.#hasHolderEnded(claimed))) claimed = await this.#claim(claim);
    const { isGranted, previous } = claimed;
    if (!isGranted) throw undecided();
    // The connection it continues is closed later, once the new one has caught up.
    if (previous === undefined || previous.holder === predecessorId) return;
    this.#replaced(previous.holder);
    this.#peers.notify(previous.member, "replaced", previous.holder);
  }

  /** @param successor the connection that holds the user from now on, if any */
  release(userId: string, connectionId: string, successor: string | undefined): void {
    this.#opening.delete(connectionId);
    if (successor === undefined) this.#peers.release(keyOf(userId), connectionId);
    else this.#peers.transfer(keyOf(userId), connectionId, successor);
  }

  /**
   * Claims the user for this connection again, unless another one has it by now. @param by the connection that held it
   * meanwhile
   */
  reclaim(userId: string, connectionId: string, by: string): void {
    // If the claim cannot be decided now, it ends up free, since the connection that held it is gone.
    this.#claim({ key: keyOf(userId), holder: connectionId, over: { holder: by } }).catch(() => undefined);
  }

  #replaced(connectionId: string): void {
    this.#opening.delete(connectionId);
    this.#events.onReplaced(connectionId);
  }

  #probe(connectionId: string): HolderState {
    return this.#opening.has(connectionId) ? "opening" : this.#events.onProbe(connectionId);
  }

  /**
   * The user may be reconnecting because the connection that holds the claim is dead and nobody has noticed yet, or because
   * its handshake was never answered. A refusal is final for a client, so it must be certain.
   * @throws ServiceError "conflict" if that connection is open, "broker-unavailable" if its worker does not answer
   */
  async #hasHolderEnded({ previous }: Claimed): Promise<boolean> {
    if (previous === undefined) return true;
    const state = await this.#stateOf(previous);
    if (state === "gone") return true;
    if (state !== "open") throw undecided();
    throw new ServiceError("conflict", "the user is already connected, and one connection per user is allowed");
  }

  /** @returns a HolderState, or undefined if its worker does not answer */
  #stateOf({ member, holder }: ClaimHolder): Promise<unknown> {
    return this.#peers.askOne(member, "probe", holder);
  }

  async #claim(claim: Claim): Promise<Claimed> {
    try {
      return await this.#peers.claim(claim);
    } catch (cause) {
      throw undecided(cause);
    }
  }
}

function undecided(cause?: unknown): ServiceError {
  const message = "cannot check right now whether the user is connected";
  return new ServiceError("broker-unavailable", message, { cause });
}

function keyOf(userId: string): string {
  return `${keyPrefix}${userId}`;
}

function isThere(state: unknown): boolean {
  return state === "open" || state === "opening";
}
