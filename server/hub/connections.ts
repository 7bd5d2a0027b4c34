import { IdTable } from "../lib/id-table.ts";
import type { Session } from "../session/session.ts";

/** The sessions of this worker by connection and user, from `open` until they end, welcomed or not. */
export class Connections {
  readonly #byId = new IdTable<Session>();
  /** Nearly every user has one connection, and a set of one takes 250 bytes. */
  readonly #byUser = new Map<string, Session | Set<Session>>();

  get size(): number {
    return this.#byId.size;
  }

  add(session: Session): void {
    this.#byId.add(session);
    const { userId } = session;
    if (userId === undefined) return;
    const others = this.#byUser.get(userId);
    if (others === undefined) this.#byUser.set(userId, session);
    else if (others instanceof Set) others.add(session);
    else this.#byUser.set(userId, new Set([others, session]));
  }

  remove(session: Session): void {
    this.#byId.delete(session.id);
    const { userId } = session;
    if (userId === undefined) return;
    const sessions = this.#byUser.get(userId);
    if (sessions === session) this.#byUser.delete(userId);
    else if (sessions instanceof Set && sessions.delete(session) && sessions.size === 0) this.#byUser.delete(userId);
  }

  /** A copy: a session may end while another one is visited. */
  all(): readonly Session[] {
    return this.#byId.values();
  }

  byId(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  countOf(userId: string): number {
    const sessions = this.#byUser.get(userId);
    if (sessions === undefined) return 0;
    return sessions instanceof Set ? sessions.size : 1;
  }

  ofUser(userId: string): Iterable<Session> {
    const sessions = this.#byUser.get(userId);
    if (sessions === undefined) return [];
    return sessions instanceof Set ? sessions : [sessions];
  }
}
