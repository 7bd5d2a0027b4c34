import type { MemberId } from "./cluster.ts";

/** How many connections each user has at a member, and how many there are with or without a user. */
export interface RosterPicture {
  readonly connections: number;
  readonly users: readonly (readonly [userId: string, connections: number])[];
}

/** What became different at a member since it told last. */
export interface RosterChange {
  /** Added to what there was. */
  readonly connections: number;
  readonly users: readonly (readonly [userId: string, more: number])[];
  /** Whether people should hear that somebody came, or left. */
  readonly hasJoined: boolean;
  readonly hasLeft: boolean;
  /** How many connections closed, and opened, as a "pause". Absent: 0. */
  readonly paused?: number;
  readonly resumed?: number;
}

/**
 * Whether other clients are told that a connection opened or closed. "pause": the server ended a stream so that its client
 * resumes, or a client resumes. Nobody is told if both happen.
 */
export type Announcement = boolean | "pause";

/**
 * A member with more users than this reports how many connections it has and no names, so that a million users on 16
 * workers do not cost 16 copies of their names. Whether one of them is connected is then asked when it matters.
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
 * Who is connected to the whole server: an exact count of this worker, and a picture of each other one that is some
 * milliseconds old.
 */
export class Roster {
  readonly #own: Count = { connections: 0, users: new Map() };
  readonly #others = new Map<MemberId, Count>();
  readonly #onChange: () => void;
  readonly #onRemoteChange: (change: RosterChange) => void;
  #waiting: Waiting | undefined;

  readonly #mostNamed: number;
  /** Whether the others know the names of this one's users. */
  #isNamed = true;
  #wantsPicture = false;

  /** @param onChange there is something to tell the others; called for every change */
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

  /** At this worker. */
  hasOwn(userId: string): boolean {
    return this.#own.users.has(userId);
  }

  /** Whether a member's picture has come. */
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

  /** What the others do not know yet. */
  takeChanges(): RosterChange | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting === undefined ? undefined : { ...waiting, users: this.#isNamed ? [...waiting.users] : [] };
  }

  picture(): RosterPicture {
    return { connections: this.#own.connections, users: this.#isNamed ? [...this.#own.users] : [] };
  }

  /** Whether the others need a new picture, since changes alone would leave them with old names, or without any. */
  takePictureRequest(): boolean {
    const wantsPicture = this.#wantsPicture;
    this.#wantsPicture = false;
    return wantsPicture;
  }

  /** A member has drawn its picture. */
  replace(member: MemberId, { connections, users }: RosterPicture): void {
    this.#others.set(member, { connections, users: new Map(users) });
  }

  /** Changes that come before the picture are in it. */
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

  /** Names are told again well below the limit, so that one user who comes and goes does not cost a picture each time. */
  #checkNamed(): void {
    const isNamed = this.#own.users.size <= (this.#isNamed ? this.#mostNamed : this.#mostNamed / 2);
    if (isNamed === this.#isNamed) return;
    this.#isNamed = isNamed;
    this.#wantsPicture = true;
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

/** A user without connections leaves no trace; changes may be negative. */
function addUser(users: Map<string, number>, userId: string, by: number): void {
  const next = (users.get(userId) ?? 0) + by;
  if (next === 0) users.delete(userId);
  else users.set(userId, next);
}
