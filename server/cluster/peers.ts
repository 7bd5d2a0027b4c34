import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Claim, Claimed, Cluster, ClusterMessage, Member, MemberId, MemberState } from "./cluster.ts";
import { type ClaimHolder, HeldClaims } from "./held-claims.ts";
import { LostConnections } from "./lost-connections.ts";
import { type PeerAnswer, type PeerAnswers, type PeerRequest, Requests } from "./requests.ts";
import { Roster, type RosterChange, type RosterSnapshot } from "./roster.ts";

/** How long roster changes are batched. */
const batchMs = 20;
/**
 * How long after a drained member has left its clients may still be reconnecting to other members. Milliseconds.
 */
const movingMs = 3000;
/** The topic of the question whether everything before it has arrived. */
const settledTopic = "settled";

/** Handles a request or a notification of a member. If it throws, the error is logged and the answer is null. */
export type PeerHandler = (body: never, sender: RequestSender) => unknown;

/** The member that sent a request, and this member. */
export interface RequestSender {
  readonly from: MemberId;
  readonly self: MemberId;
}

/** Callbacks of `Peers`, for other parts of the worker. */
export interface PeersEvents {
  /** Connections were opened or closed on another member. */
  readonly remoteChange: RosterChange;
  /** A member has left or expired; whatever it had started is cancelled. */
  readonly memberLost: MemberId;
  /** While this member was disconnected, another one claimed the name of this holder. */
  readonly claimLost: string;
  /** This member had expired for the others, and has rejoined: they have cancelled everything it had started. */
  readonly returned: undefined;
}

/**
 * Connects this worker to the others of its server: maintains the roster of connections, and sends requests and
 * notifications. A server of one process uses the same path, with nobody to ask.
 */
export class Peers {
  readonly roster: Roster;
  /** Whether the holder of a claimed name still exists; asked before a name of this member is given up. Set by its owner. */
  isHolderThere: (key: string, holder: ClaimHolder) => Promise<boolean> = async () => true;
  readonly #listeners: { readonly [E in keyof PeersEvents]: Set<(value: PeersEvents[E]) => void> } = {
    remoteChange: new Set(),
    memberLost: new Set(),
    claimLost: new Set(),
    returned: new Set(),
  };
  readonly #claims: HeldClaims;
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #handlers = new Map<string, PeerHandler>();
  readonly #requests: Requests;
  readonly #lostConnections: LostConnections;
  #batching: Timer | undefined;
  #drainedUntil = 0;

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#requests = new Requests(cluster, clock);
    this.#lostConnections = new LostConnections(
      clock,
      () => this.isCutOff,
      (gone) => this.#emit("remoteChange", { connections: -gone, users: [], hasJoined: false, hasLeft: true }),
    );
    this.#claims = new HeldClaims(cluster, clock, {
      onLost: (holder) => this.#emit("claimLost", holder),
      isThere: (key, holder) => this.isHolderThere(key, holder),
    });
    this.handle(settledTopic, () => {
      this.#sendChanges();
      return true;
    });
    this.roster = new Roster(
      () => this.#scheduleChanges(),
      (change) => this.#emit("remoteChange", change),
    );
  }

  /** Adds a listener. It must not throw. */
  on<E extends keyof PeersEvents>(event: E, listener: (value: PeersEvents[E]) => void): void {
    this.#listeners[event].add(listener);
  }

  /** Sets the handler of a topic. One handler per topic. */
  handle(topic: string, handler: PeerHandler): void {
    this.#handlers.set(topic, handler);
  }

  start(): Promise<void> {
    return this.#cluster.start({
      onJoined: ({ id }) => {
        // Pending changes are part of the snapshot; sent after it, they would count twice.
        this.#sendChanges();
        this.#cluster.send(id, { topic: "roster", body: this.roster.snapshot() });
      },
      onLeft: ({ id, state }) => this.#handleLeft(id, state),
      onMessage: (from, message) => this.#receive(from, message),
      onReturned: () => {
        this.#lostConnections.restartWait();
        this.#claims.claimAllAgain();
        this.#emit("returned", undefined);
      },
    });
  }

  /** Sends a notification to all other members. */
  notifyAll(topic: string, body: unknown): void {
    this.#cluster.send("others", { topic, body });
  }

  /** Sends a notification to one member. */
  notify(member: MemberId, topic: string, body: unknown): void {
    this.#cluster.send(member, { topic, body });
  }

  /** Sends a request to all other members. Those that leave, or do not answer within 2 s, are left out. */
  async ask(topic: string, body: unknown): Promise<readonly PeerAnswer[]> {
    return (await this.#requests.ask(this.others(), topic, body)).answers;
  }

  /** The same, and whether all have answered: a part of the answers can be wrong. */
  askForAll(topic: string, body: unknown): Promise<PeerAnswers> {
    return this.#requests.ask(this.others(), topic, body);
  }

  /** Calls the handler of this member. Null if it throws, or if the topic has no handler. */
  async askSelf(topic: string, body: unknown): Promise<unknown> {
    return (await this.#handle(this.#cluster.members()[0]?.id ?? "", topic, body)) ?? null;
  }

  /** Sends a request to one member, which may be this one. Undefined if it is gone, or does not answer within 2 s. */
  async askOne(id: MemberId, topic: string, body: unknown): Promise<unknown> {
    const member = this.#cluster.members().find((it) => it.id === id);
    if (member === undefined) return undefined;
    const isSelf = member.id === this.#cluster.members()[0]?.id;
    return isSelf ? this.#handle(member.id, topic, body) : this.#requests.askOne(member, topic, body);
  }

  /** Sends a request to all members, this one included. The answers are in the order of member ids. */
  async askAll(topic: string, body: unknown): Promise<readonly PeerAnswer[]> {
    const [self] = this.#cluster.members();
    const [own, others] = await Promise.all([this.#handle(self?.id ?? "", topic, body), this.ask(topic, body)]);
    const all = self === undefined ? others : [{ member: self, body: own }, ...others];
    return all.toSorted((a, b) => (a.member.id < b.member.id ? -1 : 1));
  }

  /** The name of this member: `worker 2`, or the machine's name. */
  get name(): string {
    return this.#cluster.members()[0]?.state.name ?? "";
  }

  /** Whether this worker has no membership now, and so does not know about the others. */
  get isCutOff(): boolean {
    return this.#cluster.members().length === 0;
  }

  /** Whether this member is draining. */
  get isDraining(): boolean {
    return this.#cluster.members()[0]?.state.isDraining === true;
  }

  /** Whether clients of another member may be reconnecting to this one: that member drains, or has just drained and left. */
  get isAnyDraining(): boolean {
    const [, ...others] = this.#cluster.members();
    return this.#clock.monotonic() < this.#drainedUntil || others.some(({ state }) => state.isDraining);
  }

  /** Whether this member or another one has connections that are not listed in the presence of their channels. */
  get isAnyUnlisted(): boolean {
    return this.#cluster.members().some(({ state }) => state.hasUnlisted === true);
  }

  /** Changes this member's state. The others see it with the next heartbeat at the latest. */
  announce(changes: Partial<MemberState>): void {
    this.#cluster.announce(changes);
  }

  /**
   * Resolves once every change that another member made before this call is known here: each has answered, and messages arrive
   * in order. A member that does not answer leaves the cluster after a few seconds. Undefined if there is no other member.
   */
  settled(): Promise<void> | undefined {
    return this.others().length === 0 ? undefined : this.#settle();
  }

  others(): readonly Member[] {
    return this.#cluster.members().filter(({ id }) => this.roster.knows(id));
  }

  /** Claims a name that exists once in the whole server, see Cluster. It is held until it is released. */
  claim(claim: Claim): Promise<Claimed> {
    return this.#claims.claim(claim);
  }

  release(key: string, holder: string): void {
    this.#claims.release(key, holder);
  }

  /** Transfers a name from one holder of this member to another. */
  transfer(key: string, from: string, to: string): void {
    this.#claims.transfer(key, from, to);
  }

  async close(): Promise<void> {
    this.#sendChanges();
    this.#lostConnections.close();
    this.#claims.close();
    await this.#cluster.close();
  }

  #receive(from: MemberId, { topic, body }: ClusterMessage): void {
    if (topic === "roster") this.#receiveRoster(from, body as RosterSnapshot);
    else if (topic === "changes") this.roster.change(from, body as Parameters<Roster["change"]>[1]);
    else if (topic === "ask") void this.#answer(from, body as PeerRequest);
    else if (topic === "answer") this.#requests.receive(from, body as { id: string; body: unknown });
    else void this.#handle(from, topic, body);
  }

  #receiveRoster(from: MemberId, snapshot: RosterSnapshot): void {
    if (!this.roster.knows(from)) this.#lostConnections.returned(snapshot.connections);
    this.roster.replace(from, snapshot);
  }

  async #answer(from: MemberId, request: PeerRequest): Promise<void> {
    const body = (await this.#handle(from, request.topic, request.body)) ?? null;
    this.#cluster.send(from, { topic: "answer", body: { id: request.id, body } });
  }

  async #handle(from: MemberId, topic: string, body: unknown): Promise<unknown> {
    try {
      const self = this.#cluster.members()[0]?.id ?? "";
      return await this.#handlers.get(topic)?.(body as never, { from, self });
    } catch (error) {
      getLogger(["fanfare", "cluster"]).error("A request of another worker failed: {topic}: {error}", { topic, error });
      return null;
    }
  }

  async #settle(): Promise<void> {
    let isComplete = false;
    while (!isComplete) ({ isComplete } = await this.askForAll(settledTopic, null));
  }

  #handleLeft(id: MemberId, { isDraining }: MemberState): void {
    if (isDraining) this.#drainedUntil = this.#clock.monotonic() + movingMs;
    this.#lostConnections.lost(this.roster.forget(id));
    this.#emit("memberLost", id);
    this.#requests.memberLost(id);
  }

  #emit<E extends keyof PeersEvents>(event: E, value: PeersEvents[E]): void {
    for (const listener of this.#listeners[event]) listener(value);
  }

  /** The first change after a pause is sent in this turn; those that follow are batched. */
  #scheduleChanges(): void {
    if (this.#batching !== undefined) return;
    queueMicrotask(() => this.#flushChanges());
    this.#batching = this.#clock.setTimeout(() => this.#sendChanges(), batchMs);
  }

  #sendChanges(): void {
    this.#batching?.cancel();
    this.#batching = undefined;
    this.#flushChanges();
  }

  #flushChanges(): void {
    const changes = this.roster.takeChanges();
    if (changes !== undefined) this.notifyAll("changes", changes);
    if (this.roster.takeSnapshotRequest()) this.notifyAll("roster", this.roster.snapshot());
  }
}
