import type { MemberId } from "../cluster/cluster.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";

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
  /** By the id of a reserved connection of this worker: the new connection that it is reserved for, and its worker. */
  readonly #reserved = new Map<string, { readonly by: string; readonly member: MemberId | undefined }>();
  /** By the id of the new connection on this worker. */
  readonly #predecessors = new Map<string, Predecessor>();

  /** @param onFreed a reserved connection of this worker was not taken over after all */
  constructor(connections: Connections, peers: Peers, onFreed: (session: Session, by: string) => void) {
    this.#connections = connections;
    this.#peers = peers;
    peers.handle("may-continue", (continuation: Continuation, { from }) => this.#reserve(continuation, from));
    peers.on("memberLost", (member) => {
      for (const [old, { by, member: its }] of this.#reserved) {
        const session = its === member ? this.#free(old, by) : undefined;
        if (session !== undefined) onFreed(session, by);
      }
    });
    peers.handle("continued", ({ old, by }: Continuation) => this.#continued(old, by));
    peers.handle("not-continued", ({ old, by }: Continuation) => {
      const session = this.#free(old, by);
      if (session !== undefined) onFreed(session, by);
    });
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
    if (member === undefined) return this.#free(id, connectionId);
    this.#notify(member, "not-continued", { old: id, by: connectionId });
    return undefined;
  }

  /** A connection of this worker was closed. @returns whether another one continues it */
  ended(connectionId: string): boolean {
    return this.#reserved.delete(connectionId);
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
    if (session === undefined || session.userId !== userId || this.#reserved.has(old)) return false;
    this.#reserved.set(old, { by, member });
    return true;
  }

  #continued(old: string, by: string): void {
    if (this.#reserved.get(old)?.by !== by) return;
    this.#connections.byId(old)?.close({ name: "normal", text: "continued by a newer connection" });
  }

  #free(old: string, by: string): Session | undefined {
    if (this.#reserved.get(old)?.by !== by) return undefined;
    this.#reserved.delete(old);
    return this.#connections.byId(old);
  }

  #notify(member: MemberId, topic: string, continuation: Pick<Continuation, "old" | "by">): void {
    this.#peers.notify(member, topic, continuation);
  }
}
