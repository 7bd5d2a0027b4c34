import type { Session } from "../session/session.ts";

const nobody: ReadonlySet<Session> = new Set();

/** The sessions of this worker by connection and user, from `open` until they end, welcomed or not. */
export class Connections {
  readonly #byId = new Map<string, Session>();
  readonly #byUser = new Map<string, Set<Session>>();

  get size(): number {
    return this.#byId.size;
  }

  add(session: Session): void {
    this.#byId.set(session.id, session);
    const { userId } = session;
    if (userId === undefined) return;
    const sessions = this.#byUser.get(userId);
    if (sessions === undefined) this.#byUser.set(userId, new Set([session]));
    else sessions.add(session);
  }

  remove(session: Session): void {
    this.#byId.delete(session.id);
    const { userId } = session;
    const sessions = userId === undefined ? undefined : this.#byUser.get(userId);
    sessions?.delete(session);
    if (userId !== undefined && sessions?.size === 0) this.#byUser.delete(userId);
  }

  all(): Iterable<Session> {
    return this.#byId.values();
  }

  byId(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  ofUser(userId: string): ReadonlySet<Session> {
    return this.#byUser.get(userId) ?? nobody;
  }
}
