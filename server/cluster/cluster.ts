/**
 * Everything between the workers of one server that is no publication: who lives, words to each other, and who holds what
 * there is only one of.
 *
 * Between two members messages arrive in the order in which they were sent, at most once. When a connection breaks, some
 * are lost: then the two see each other leave and come again, and whoever keeps a picture of the other begins anew.
 */
export interface Cluster {
  /** Joins. From now on `events` are called, never within a call of this interface. Called once. */
  start(events: ClusterEvents): Promise<void>;
  /** Those who live: this one, then the others, oldest first. */
  members(): readonly Member[];
  /** Something about this one is different now; the others see it with the next heartbeat at the latest. */
  announce(changes: Partial<MemberState>): void;
  /** To one member, or to all others. Who is gone gets nothing, and nobody is told. */
  send(to: MemberId | "others", message: ClusterMessage): void;
  /**
   * Takes a name of which there is one in the whole server; atomic. Claims of a member that leaves are free.
   * @throws Error where nobody can decide now
   */
  claim(claim: Claim): Promise<Claimed>;
  /** Gives a name back; nothing happens where the holder is another by now. */
  release(key: string, holder: string): void;
  /** Leaves. Idempotent. */
  close(): Promise<void>;
}

/** One life of one worker; a worker that was cut off comes back with a new one. */
export type MemberId = string;

export interface Member {
  readonly id: MemberId;
  readonly state: MemberState;
}

/** What is known of a member. */
export interface MemberState {
  /** For people: `worker 2`, or the machine's name. */
  readonly name: string;
  readonly pid: number;
  readonly isDraining: boolean;
  /** The node that it accepts clients for; undefined for a supervisor, and where there is one node only. */
  readonly node?: string;
}

/** JSON values only: it may travel. */
export interface ClusterMessage {
  readonly topic: string;
  readonly body: unknown;
}

/** What a cluster tells its member. The callbacks must not throw and must not wait. */
export interface ClusterEvents {
  /** Somebody else came: nothing of theirs came before. */
  onJoined(member: Member): void;
  /** Somebody else is gone, or their heartbeat stopped. Nothing of theirs follows. */
  onLeft(member: Member): void;
  onMessage(from: MemberId, message: ClusterMessage): void;
  /** This one was given up, or out of reach, and is back with a new name: what it had claimed is free. */
  onReturned(): void;
}

/** Who wants a name. */
export interface Claim {
  readonly key: string;
  /** Such as the id of a connection. */
  readonly holder: string;
  /** Whom it may be taken from: nobody, anybody, or one holder. */
  readonly over: "nobody" | "anybody" | { readonly holder: string };
}

/** Who had the name before; where `isGranted` is false they still have it. */
export interface Claimed {
  readonly isGranted: boolean;
  readonly previous: { readonly member: MemberId; readonly holder: string } | undefined;
}
