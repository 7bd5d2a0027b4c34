import type { MemberId } from "./cluster.ts";

/** The connections of one member: how many each user has, and how many there are in total. */
export interface RosterSnapshot {
  readonly connections: number;
  readonly users: readonly (readonly [userId: string, connections: number])[];
}

/** Changes at a member since its last report. */
export interface RosterChange {
  /** Added to the previous number. */
  readonly connections: number;
  readonly users: readonly (readonly [userId: string, more: number])[];
  /** Whether clients are notified of joins, or of leaves. */
  readonly hasJoined: boolean;
  readonly hasLeft: boolean;
  /** How many connections closed, and opened, as a "pause". Absent: 0. */
  readonly paused?: number;
  readonly resumed?: number;
}

/**
 * Whether other clients are notified that a connection was opened or closed. "pause": the server ended a stream so that its
 * client resumes, or a client resumes. Clients are not notified if both happen.
 */
export type Announcement = boolean | "pause";

/**
 * A member with more users than this reports only its number of connections, so that a million users on 16 workers do not
 * cost 16 copies of their names. Whether one of them is connected is then looked up when needed.
 */
export const mostNamedUsers = 20_000;

interface Waiting {
  connections: number;
  readonly users: Map<string, number>;
  hasJoined: boolean;
  hasLeft: boolean;
  paused?: number;
  resumed?: number;
}

interface Count {
  connections: number;
  readonly users: Map<string, number>;
}

/**
 * Who is connected to the whole server: an exact count for this worker, and a snapshot of each other one that is a few
 * milliseconds old.
 */
export class Roster {
  readonly #own: Count = { connections: 0, users: new Map() };
  readonly #others = new Map<MemberId, Count>();
  readonly #onChange: () => void;
  readonly #onRemoteChange: (change: RosterChange) => void;
  #waiting: Waiting | undefined;

  readonly #mostNamed: number;
  /** Whether the others receive the names of this worker's users. */
  #isNamed = true;
  #needsSnapshot = false;

  /** @param onChange called for every change that the others do not know yet */
  constructor(onChange: () => void, onRemoteChange: (change: RosterChange) => void, mostNamed = mostNamedUsers) {
    this.#mostNamed = mostNamed;
    this.#onChange = onChange;
    this.#onRemoteChange = onRemoteChange;
  }

  /** Connections of the whole server. */
  get online(): number {
    let online = this.#own.connections;
    for (const { connections } of this.#others.values()) online += connections;
    return online;
  }

  isConnected(userId: string): boolean {
    if (this.#own.users.has(userId)) return true;
    for (const { users } of this.#others.values()) if (users.has(userId)) return true;
    return false;
  }

  /** Connections of the user to other workers, as far as they report the names of their users. */
  elsewhere(userId: string): number {
    let connections = 0;
    for (const { users } of this.#others.values()) connections += users.get(userId) ?? 0;
    return connections;
  }

  /** Whether the user is connected to this worker. */
  hasOwn(userId: string): boolean {
    return this.#own.users.has(userId);
  }

  /** Whether a member's snapshot has arrived. */
  knows(member: MemberId): boolean {
    return this.#others.has(member);
  }

  /** A connection of this worker was opened or closed. */
  count(userId: string | undefined, by: 1 | -1, announcement: Announcement): void {
    add(this.#own, userId, by);
    this.#waiting ??= { connections: 0, users: new Map(), hasJoined: false, hasLeft: false };
    add(this.#waiting, userId, by);
    announce(this.#waiting, by, announcement);
    this.#checkNamed();
    this.#onChange();
  }

  /** Returns the changes that the others do not know yet. */
  takeChanges(): RosterChange | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting === undefined ? undefined : { ...waiting, users: this.#isNamed ? [...waiting.users] : [] };
  }

  snapshot(): RosterSnapshot {
    return { connections: this.#own.connections, users: this.#isNamed ? [...this.#own.users] : [] };
  }

  /** Whether the others need a new snapshot, because changes alone would leave them with outdated names, or none. */
  takeSnapshotRequest(): boolean {
    const needsSnapshot = this.#needsSnapshot;
    this.#needsSnapshot = false;
    return needsSnapshot;
  }

  /** A member has sent its snapshot. */
  replace(member: MemberId, { connections, users }: RosterSnapshot): void {
    this.#others.set(member, { connections, users: new Map(users) });
  }

  /** Changes that arrive before the snapshot are part of it. */
  change(member: MemberId, change: RosterChange): void {
    const count = this.#others.get(member);
    if (count === undefined) return;
    count.connections += change.connections;
    for (const [userId, more] of change.users) addUser(count.users, userId, more);
    this.#onRemoteChange(change);
  }

  /** @returns how many connections it had */
  forget(member: MemberId): number {
    const connections = this.#others.get(member)?.connections ?? 0;
    this.#others.delete(member);
    return connections;
  }

  /** Names are sent again only well below the limit, so that a user who reconnects at the limit does not cause a snapshot each time. */
  #checkNamed(): void {
    const isNamed = this.#own.users.size <= (this.#isNamed ? this.#mostNamed : this.#mostNamed / 2);
    if (isNamed === this.#isNamed) return;
    this.#isNamed = isNamed;
    this.#needsSnapshot = true;
  }
}

function announce(waiting: Waiting, by: 1 | -1, announcement: Announcement): void {
  if (announcement === "pause") {
    const name = by === 1 ? "resumed" : "paused";
    waiting[name] = (waiting[name] ?? 0) + 1;
  } else if (announcement) waiting[by === 1 ? "hasJoined" : "hasLeft"] = true;
}

function add(
  count: { connections: number; readonly users: Map<string, number> },
  userId: string | undefined,
  by: number,
): void {
  count.connections += by;
  if (userId !== undefined) addUser(count.users, userId, by);
}

/** Removes users without connections; changes may be negative. */
function addUser(users: Map<string, number>, userId: string, by: number): void {
  const next = (users.get(userId) ?? 0) + by;
  if (next === 0) users.delete(userId);
  else users.set(userId, next);
}
