/**
 * Everything between the workers of one server other than publications: membership, messages, and claims of names that
 * exist only once.
 *
 * Messages between two members arrive in order, at most once. When a connection breaks, some are lost: then each sees the
 * other leave and join again, and must discard what it knew about it.
 */
export interface Cluster {
  /** Joins the cluster. From then on `events` are called, but never inside a call of this interface. Called once. */
  start(events: ClusterEvents): Promise<void>;
  /** The live members: this one first, then the others, oldest first. */
  members(): readonly Member[];
  /** Changes this member's state. The others see it with the next heartbeat at the latest. */
  announce(changes: Partial<MemberState>): void;
  /** Sends to one member, or to all others. A message to a member that is gone is dropped silently. */
  send(to: MemberId | "others", message: ClusterMessage): void;
  /**
   * Claims a name that exists once in the whole server; atomic. The claims of a member that leaves become free.
   * @throws Error if the claim cannot be decided now
   */
  claim(claim: Claim): Promise<Claimed>;
  /** Releases a name. Does nothing if another holder has it by now. */
  release(key: string, holder: string): void;
  /** Leaves the cluster. Idempotent. */
  close(): Promise<void>;
}

/** Identifies one membership of a worker. A worker that was disconnected rejoins with a new id. */
export type MemberId = string;

export interface Member {
  readonly id: MemberId;
  readonly state: MemberState;
}

/** The state of a member, as the others know it. */
export interface MemberState {
  /** For logs and people: `worker 2`, or the machine's name. */
  readonly name: string;
  readonly pid: number;
  readonly isDraining: boolean;
  /** The node it belongs to; undefined if there is only one. */
  readonly node?: string;
  /** A supervisor accepts no clients. */
  readonly isSupervisor?: boolean;
  /** It has connections that are not listed in the presence of their channels. */
  readonly hasUnlisted?: boolean;
}

/** JSON values only, since it may be sent to another process. */
export interface ClusterMessage {
  readonly topic: string;
  readonly body: unknown;
}

/** Callbacks of a cluster. They must not throw or wait. */
export interface ClusterEvents {
  /** Another member has joined. None of its messages came before. */
  onJoined(member: Member): void;
  /** Another member has left, or its heartbeat expired. None of its messages follow. */
  onLeft(member: Member): void;
  onMessage(from: MemberId, message: ClusterMessage): void;
  /** This member had expired or was disconnected, and has rejoined with a new id. Its claims were released. */
  onReturned(): void;
}

/** A request for a name. */
export interface Claim {
  readonly key: string;
  /** For example the id of a connection. */
  readonly holder: string;
  /** From which holder it may be taken: none, any, or one. */
  readonly over: "nobody" | "anybody" | { readonly holder: string };
}

/** The previous holder of the name. If `isGranted` is false, that holder still has it. */
export interface Claimed {
  readonly isGranted: boolean;
  readonly previous: { readonly member: MemberId; readonly holder: string } | undefined;
}
