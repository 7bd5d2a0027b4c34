import { ServiceError } from "../../protocol/errors.ts";
import type { Claim, Claimed } from "../cluster/cluster.ts";
import type { Peers } from "../cluster/peers.ts";

/** Somebody on their way in. */
export interface Claimant {
  readonly userId: string;
  readonly connectionId: string;
  /** The connection that it continues: that one may be replaced in any mode. */
  readonly predecessorId: string | undefined;
}

/** What becomes of the connection that has a user. Either is called for connections of other workers too: then it does nothing. */
export interface ClaimEvents {
  /** A newer connection has its user. */
  onReplaced(connectionId: string): void;
  /** A newcomer was refused because of it: is anybody still there? */
  onProbe(connectionId: string): void;
}

/**
 * One connection per user in the whole server, where USER_CONNECTIONS says so: `reject` keeps the one that is there,
 * `replace` the newest. Who decides is the cluster, so two workers never let in two.
 */
export class UserClaims {
  readonly #mode: "reject" | "replace";
  readonly #peers: Peers;
  readonly #events: ClaimEvents;

  constructor(mode: "reject" | "replace", peers: Peers, events: ClaimEvents) {
    this.#mode = mode;
    this.#peers = peers;
    this.#events = events;
    peers.on("claimLost", (connectionId) => events.onReplaced(connectionId));
    peers.handle("replaced", (connectionId: string) => events.onReplaced(connectionId));
    peers.handle("probe", (connectionId: string) => events.onProbe(connectionId));
  }

  /** @throws ServiceError "conflict" where the user is connected and stays so, "broker-unavailable" where nobody can tell */
  async take({ userId, connectionId, predecessorId }: Claimant): Promise<void> {
    const mayReplace = predecessorId === undefined ? ("nobody" as const) : { holder: predecessorId };
    const over = this.#mode === "replace" ? ("anybody" as const) : mayReplace;
    const { isGranted, previous } = await this.#claim({ key: keyOf(userId), holder: connectionId, over });
    if (!isGranted) {
      if (previous !== undefined) this.#doubt(previous);
      throw new ServiceError("conflict", "the user is already connected, and one connection per user is allowed");
    }
    // Whom it continues leaves by another way: once the newcomer has everything.
    if (previous === undefined || previous.holder === predecessorId) return;
    this.#events.onReplaced(previous.holder);
    this.#peers.notify(previous.member, "replaced", previous.holder);
  }

  /** @param heir the connection that has the user from now on, if there is one */
  giveBack(userId: string, connectionId: string, heir: string | undefined): void {
    if (heir === undefined) this.#peers.release(keyOf(userId), connectionId);
    else this.#peers.passOn(keyOf(userId), connectionId, heir);
  }

  /** The user is this connection's again, unless somebody else has it by now. @param by who had it meanwhile */
  takeBack(userId: string, connectionId: string, by: string): void {
    // Where nobody can decide now the name is free in the end: whoever had it is gone.
    this.#claim({ key: keyOf(userId), holder: connectionId, over: { holder: by } }).catch(() => undefined);
  }

  /** The user may stand before us because that connection is dead, which nobody has noticed yet. */
  #doubt({ member, holder }: NonNullable<Claimed["previous"]>): void {
    this.#events.onProbe(holder);
    this.#peers.notify(member, "probe", holder);
  }

  async #claim(claim: Claim): Promise<Claimed> {
    try {
      return await this.#peers.claim(claim);
    } catch (cause) {
      const message = "it cannot be known now whether the user is connected";
      throw new ServiceError("broker-unavailable", message, { cause });
    }
  }
}

function keyOf(userId: string): string {
  return `user:${userId}`;
}
