import type { MemberId } from "../cluster/cluster.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Clock } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";
import { type Progress, Reservations } from "./reservations.ts";

/** The older connection that a new one continues. */
export interface Predecessor {
  readonly id: string;
  /** The worker it is on; undefined for this worker. */
  readonly member: MemberId | undefined;
}

/** A message between workers about one continuation. */
interface Continuation {
  readonly old: string;
  /** The id of the new connection. */
  readonly by: string;
  readonly userId: string | undefined;
}

/**
 * Tracks which connection continues which. A newer connection of the same client takes over from an older one: it catches up
 * first, then the older one is closed, without notices to other clients. The older one may be on another worker.
 *
 * An older connection is reserved for one new connection at a time, until that one has caught up or failed.
 */
export class Succession {
  readonly #connections: Connections;
  readonly #peers: Peers;
  readonly #reservations: Reservations;
  /** By the id of the new connection on this worker. */
  readonly #predecessors = new Map<string, Predecessor>();

  /** @param onFreed a reserved connection of this worker was not taken over after all */
  constructor(connections: Connections, peers: Peers, clock: Clock, onFreed: (session: Session, by: string) => void) {
    this.#connections = connections;
    this.#peers = peers;
    this.#reservations = new Reservations(peers, clock, {
      onCaughtUp: (old, by) => this.#continued(old, by),
      onFreed: (old, by) => {
        const session = connections.byId(old);
        if (session !== undefined) onFreed(session, by);
      },
    });
    peers.handle("may-continue", (continuation: Continuation, { from }) => this.#reserve(continuation, from));
    peers.handle("continued", ({ old, by }: Continuation) => this.#continued(old, by));
    peers.handle("not-continued", ({ old, by }: Continuation) => this.#reservations.free(old, by));
    peers.handle("still-continues", ({ old, by }: Continuation, { from }) => this.#progress(old, by, from));
  }

  /** Reserves the older connection for the new one. Synchronous if it is on this worker, or if there is no other worker. */
  find(
    old: string,
    by: string,
    userId: string | undefined,
  ): Predecessor | undefined | Promise<Predecessor | undefined> {
    const continuation = { old, by, userId };
    if (this.#connections.byId(old) === undefined) {
      return this.#peers.others().length === 0 ? undefined : this.#findElsewhere(continuation);
    }
    return this.#reserve(continuation, undefined) ? this.#remember(continuation, undefined) : undefined;
  }

  /** The connection that a new one continues. */
  predecessorOf(connectionId: string): Predecessor | undefined {
    return this.#predecessors.get(connectionId);
  }

  /** The new connection has caught up: the older one is closed. */
  caughtUp(connectionId: string): void {
    const predecessor = this.#predecessors.get(connectionId);
    if (predecessor === undefined) return;
    this.#predecessors.delete(connectionId);
    const { id, member } = predecessor;
    if (member === undefined) this.#continued(id, connectionId);
    else this.#notify(member, "continued", { old: id, by: connectionId });
  }

  /**
   * A new connection of this worker was closed, or its handshake failed.
   * @returns the older connection, if it is on this worker and still open
   */
  cancelled(connectionId: string): Session | undefined {
    const predecessor = this.#predecessors.get(connectionId);
    this.#predecessors.delete(connectionId);
    if (predecessor === undefined) return undefined;
    const { id, member } = predecessor;
    if (member !== undefined) this.#notify(member, "not-continued", { old: id, by: connectionId });
    else if (this.#reservations.has(id, connectionId)) {
      this.#reservations.delete(id);
      return this.#connections.byId(id);
    }
    return undefined;
  }

  /** A connection of this worker was closed. @returns whether another one continues it */
  ended(connectionId: string): boolean {
    return this.#reservations.delete(connectionId);
  }

  async #findElsewhere(continuation: Continuation): Promise<Predecessor | undefined> {
    const answers = await this.#peers.ask("may-continue", continuation);
    const found = answers.find(({ body }) => body === true);
    return found === undefined ? undefined : this.#remember(continuation, found.member.id);
  }

  #remember({ old, by }: Continuation, member: MemberId | undefined): Predecessor {
    const predecessor = { id: old, member };
    this.#predecessors.set(by, predecessor);
    return predecessor;
  }

  /** @param member the worker of the new connection; undefined for this worker */
  #reserve({ old, by, userId }: Continuation, member: MemberId | undefined): boolean {
    const session = this.#connections.byId(old);
    return session !== undefined && session.userId === userId && this.#reservations.add(old, by, member);
  }

  #continued(old: string, by: string): void {
    if (!this.#reservations.has(old, by)) return;
    this.#connections.byId(old)?.close({ name: "normal", text: "continued by a newer connection" });
  }

  /** @param from the worker of the older connection, perhaps under another membership than before */
  #progress(old: string, by: string, from: MemberId): Progress {
    if (this.#predecessors.get(by)?.id === old) {
      this.#predecessors.set(by, { id: old, member: from });
      return "catching up";
    }
    return this.#connections.byId(by) === undefined ? "gone" : "caught up";
  }

  #notify(member: MemberId, topic: string, continuation: Pick<Continuation, "old" | "by">): void {
    this.#peers.notify(member, topic, continuation);
  }
}
