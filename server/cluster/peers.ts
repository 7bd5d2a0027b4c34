import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Claim, Claimed, Cluster, ClusterMessage, Member, MemberId } from "./cluster.ts";
import { HeldClaims } from "./held-claims.ts";
import { Roster, type RosterChange } from "./roster.ts";

/** How long the others may take to answer a question. */
const answerMs = 2000;
/** What this one tells of its connections waits so long for more. */
const gatherMs = 20;

/** Answers what a member asks, or does what it says. What it throws is logged and answered with nothing. */
export type PeerHandler = (body: never, between: Between) => unknown;

/** Who asks whom. */
export interface Between {
  readonly from: MemberId;
  readonly self: MemberId;
}

/** One answer, and whose. */
export interface PeerAnswer {
  readonly member: Member;
  readonly body: unknown;
}

interface Question {
  readonly answers: PeerAnswer[];
  missing: Set<MemberId>;
  readonly done: () => void;
}

/** What other parts of a worker hear of its peers. */
export interface PeersEvents {
  /** Connections were opened or closed at another member. */
  readonly remoteChange: RosterChange;
  /** A member is gone, with whatever it had begun. */
  readonly memberLost: MemberId;
  /** While this member was out of reach, another took the name that this holder had. */
  readonly claimLost: string;
}

/**
 * This worker among the others of its server: keeps the roster of who is connected where, and asks or tells the others.
 * A server of one process asks nobody, by the same path.
 */
export class Peers {
  readonly roster: Roster;
  readonly #listeners: { readonly [E in keyof PeersEvents]: Set<(value: PeersEvents[E]) => void> } = {
    remoteChange: new Set(),
    memberLost: new Set(),
    claimLost: new Set(),
  };
  readonly #claims: HeldClaims;
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #handlers = new Map<string, PeerHandler>();
  readonly #questions = new Map<string, Question>();
  #gathering: Timer | undefined;

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#claims = new HeldClaims(cluster, (holder) => this.#emit("claimLost", holder));
    this.roster = new Roster(
      () => this.#gather(),
      (change) => this.#emit("remoteChange", change),
    );
  }

  /** Calls `listener` for each such event, beside the other listeners. It must not throw. */
  on<E extends keyof PeersEvents>(event: E, listener: (value: PeersEvents[E]) => void): void {
    this.#listeners[event].add(listener);
  }

  /** From now on this one answers such questions. One handler per topic. */
  handle(topic: string, handler: PeerHandler): void {
    this.#handlers.set(topic, handler);
  }

  start(): Promise<void> {
    return this.#cluster.start({
      onJoined: ({ id }) => {
        // What waits is in the picture already; sent after it, it would count twice.
        this.#sendChanges();
        this.#cluster.send(id, { topic: "roster", body: this.roster.picture() });
      },
      onLeft: ({ id }) => this.#lost(id),
      onMessage: (from, message) => this.#take(from, message),
      onReturned: () => this.#claims.claimAllAgain(),
    });
  }

  /** Says something to all others. */
  notifyAll(topic: string, body: unknown): void {
    this.#cluster.send("others", { topic, body });
  }

  /** Says something to one. */
  notify(member: MemberId, topic: string, body: unknown): void {
    this.#cluster.send(member, { topic, body });
  }

  /** Asks all others. Who does not answer in 2 s, or dies, is left out. */
  async ask(topic: string, body: unknown): Promise<readonly PeerAnswer[]> {
    const others = this.others();
    if (others.length === 0) return [];
    const id = randomId(9);
    const { promise, resolve } = Promise.withResolvers<void>();
    const question = { answers: [], missing: new Set(others.map((it) => it.id)), done: resolve };
    this.#questions.set(id, question);
    const timer = this.#clock.setTimeout(resolve, answerMs);
    this.#cluster.send("others", { topic: "ask", body: { id, topic, body } });
    await promise;
    timer.cancel();
    this.#questions.delete(id);
    return question.answers;
  }

  /** Asks everyone, this one included; in the order of their ids, whoever asks. */
  async askAll(topic: string, body: unknown): Promise<readonly PeerAnswer[]> {
    const [self] = this.#cluster.members();
    const [own, others] = await Promise.all([this.#handle(self?.id ?? "", topic, body), this.ask(topic, body)]);
    const all = self === undefined ? others : [{ member: self, body: own }, ...others];
    return all.toSorted((a, b) => (a.member.id < b.member.id ? -1 : 1));
  }

  others(): readonly Member[] {
    return this.#cluster.members().filter(({ id }) => this.roster.knows(id));
  }

  /** Takes a name of which there is one in the whole server: see Cluster. It is held until it is given back. */
  claim(claim: Claim): Promise<Claimed> {
    return this.#claims.claim(claim);
  }

  release(key: string, holder: string): void {
    this.#claims.release(key, holder);
  }

  /** Gives a name on, from one holder of this member to another. */
  passOn(key: string, from: string, to: string): void {
    this.#claims.passOn(key, from, to);
  }

  async close(): Promise<void> {
    this.#sendChanges();
    await this.#cluster.close();
  }

  #take(from: MemberId, { topic, body }: ClusterMessage): void {
    if (topic === "roster") this.roster.replace(from, body as Parameters<Roster["replace"]>[1]);
    else if (topic === "changes") this.roster.change(from, body as Parameters<Roster["change"]>[1]);
    else if (topic === "ask") void this.#answer(from, body as { id: string; topic: string; body: unknown });
    else if (topic === "answer") this.#hear(from, body as { id: string; body: unknown });
    else void this.#handle(from, topic, body);
  }

  async #answer(from: MemberId, question: { id: string; topic: string; body: unknown }): Promise<void> {
    const body = (await this.#handle(from, question.topic, question.body)) ?? null;
    this.#cluster.send(from, { topic: "answer", body: { id: question.id, body } });
  }

  async #handle(from: MemberId, topic: string, body: unknown): Promise<unknown> {
    try {
      const self = this.#cluster.members()[0]?.id ?? "";
      return await this.#handlers.get(topic)?.(body as never, { from, self });
    } catch (error) {
      getLogger(["fanfare", "cluster"]).error("What another worker asked failed: {topic}: {error}", { topic, error });
      return null;
    }
  }

  #hear(from: MemberId, { id, body }: { id: string; body: unknown }): void {
    const question = this.#questions.get(id);
    const member = this.#cluster.members().find((it) => it.id === from);
    if (question === undefined || !question.missing.delete(from)) return;
    if (member !== undefined && body !== null) question.answers.push({ member, body });
    if (question.missing.size === 0) question.done();
  }

  #lost(id: MemberId): void {
    const connections = this.roster.forget(id);
    this.#emit("memberLost", id);
    if (connections > 0) {
      this.#emit("remoteChange", { connections: -connections, users: [], hasJoined: false, hasLeft: true });
    }
    for (const question of this.#questions.values()) {
      if (question.missing.delete(id) && question.missing.size === 0) question.done();
    }
  }

  #emit<E extends keyof PeersEvents>(event: E, value: PeersEvents[E]): void {
    for (const listener of this.#listeners[event]) listener(value);
  }

  /** The first change after quiet is told in this turn, what follows together. */
  #gather(): void {
    if (this.#gathering !== undefined) return;
    queueMicrotask(() => this.#tellChanges());
    this.#gathering = this.#clock.setTimeout(() => this.#sendChanges(), gatherMs);
  }

  #sendChanges(): void {
    this.#gathering?.cancel();
    this.#gathering = undefined;
    this.#tellChanges();
  }

  #tellChanges(): void {
    const changes = this.roster.takeChanges();
    if (changes !== undefined) this.notifyAll("changes", changes);
    if (this.roster.takePictureRequest()) this.notifyAll("roster", this.roster.picture());
  }
}
