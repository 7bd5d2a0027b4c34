import type { MemberId } from "../cluster/cluster.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Session } from "../session/session.ts";
import type { Connections } from "./connections.ts";

/** The older connection that a newcomer continues. */
export interface Predecessor {
  readonly id: string;
  /** Where it is; undefined for this worker. */
  readonly member: MemberId | undefined;
}

/** What workers say to each other about one succession. */
interface Word {
  readonly old: string;
  /** The newcomer's connection. */
  readonly by: string;
  readonly userId: string | undefined;
}

/**
 * Who continues whom. A newer connection of the same client takes an older one's place: it catches up first, then the
 * older one is closed, and nobody hears that anybody came or left. The older one may be on another worker.
 *
 * An older one is promised to one newcomer at a time, until that one is level or gives up.
 */
export class Succession {
  readonly #connections: Connections;
  readonly #peers: Peers;
  /** By the older connection of this worker: the newcomer that it is promised to, and where that one is. */
  readonly #promised = new Map<string, { readonly by: string; readonly member: MemberId | undefined }>();
  /** By the newcomer of this worker. */
  readonly #predecessors = new Map<string, Predecessor>();

  /** @param onFreed a connection of this worker that was promised is its user's own again */
  constructor(connections: Connections, peers: Peers, onFreed: (session: Session, by: string) => void) {
    this.#connections = connections;
    this.#peers = peers;
    peers.handle("may-continue", (word: Word, { from }) => this.#promise(word, from));
    peers.on("memberLost", (member) => {
      for (const [old, { by, member: its }] of this.#promised) {
        const session = its === member ? this.#free(old, by) : undefined;
        if (session !== undefined) onFreed(session, by);
      }
    });
    peers.handle("continued", ({ old, by }: Word) => this.#continued(old, by));
    peers.handle("not-continued", ({ old, by }: Word) => {
      const session = this.#free(old, by);
      if (session !== undefined) onFreed(session, by);
    });
  }

  /** Promises the older connection to the newcomer; at once where it is on this worker, or there is no other. */
  find(
    old: string,
    by: string,
    userId: string | undefined,
  ): Predecessor | undefined | Promise<Predecessor | undefined> {
    const word = { old, by, userId };
    if (this.#connections.byId(old) === undefined) {
      return this.#peers.others().length === 0 ? undefined : this.#findElsewhere(word);
    }
    return this.#promise(word, undefined) ? this.#remember(word, undefined) : undefined;
  }

  /** Whom a newcomer continues. */
  predecessorOf(connectionId: string): Predecessor | undefined {
    return this.#predecessors.get(connectionId);
  }

  /** The newcomer has everything: the older one may go. */
  settled(connectionId: string): void {
    const predecessor = this.#predecessors.get(connectionId);
    if (predecessor === undefined) return;
    this.#predecessors.delete(connectionId);
    const { id, member } = predecessor;
    if (member === undefined) this.#continued(id, connectionId);
    else this.#tell(member, "continued", { old: id, by: connectionId });
  }

  /**
   * A newcomer of this worker is gone, or came to nothing.
   * @returns the older connection, if it is on this worker and still there: it is its user's own again
   */
  givenUp(connectionId: string): Session | undefined {
    const predecessor = this.#predecessors.get(connectionId);
    this.#predecessors.delete(connectionId);
    if (predecessor === undefined) return undefined;
    const { id, member } = predecessor;
    if (member === undefined) return this.#free(id, connectionId);
    this.#tell(member, "not-continued", { old: id, by: connectionId });
    return undefined;
  }

  /** A connection of this worker is gone. @returns whether another one continues it */
  ended(connectionId: string): boolean {
    return this.#promised.delete(connectionId);
  }

  async #findElsewhere(word: Word): Promise<Predecessor | undefined> {
    const answers = await this.#peers.ask("may-continue", word);
    const found = answers.find(({ body }) => body === true);
    return found === undefined ? undefined : this.#remember(word, found.member.id);
  }

  #remember({ old, by }: Word, member: MemberId | undefined): Predecessor {
    const predecessor = { id: old, member };
    this.#predecessors.set(by, predecessor);
    return predecessor;
  }

  /** @param member where the newcomer is; undefined for this worker */
  #promise({ old, by, userId }: Word, member: MemberId | undefined): boolean {
    const session = this.#connections.byId(old);
    if (session === undefined || session.userId !== userId || this.#promised.has(old)) return false;
    this.#promised.set(old, { by, member });
    return true;
  }

  #continued(old: string, by: string): void {
    if (this.#promised.get(old)?.by !== by) return;
    this.#connections.byId(old)?.close({ name: "normal", text: "continued by a newer connection" });
  }

  #free(old: string, by: string): Session | undefined {
    if (this.#promised.get(old)?.by !== by) return undefined;
    this.#promised.delete(old);
    return this.#connections.byId(old);
  }

  #tell(member: MemberId, topic: string, word: Pick<Word, "old" | "by">): void {
    this.#peers.notify(member, topic, word);
  }
}
