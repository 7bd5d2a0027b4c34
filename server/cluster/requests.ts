import type { Clock } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Cluster, ClusterMessage, Member, MemberId } from "./cluster.ts";

/** How long the other members may take to answer. */
const answerMs = 2000;

/** A request as it is sent to other members. */
export interface PeerRequest {
  readonly id: string;
  readonly topic: string;
  readonly body: unknown;
}

/** One answer, and the member it came from. */
export interface PeerAnswer {
  readonly member: Member;
  readonly body: unknown;
}

/** The answers to one request. */
export interface PeerAnswers {
  readonly answers: readonly PeerAnswer[];
  /** Whether every member that has not left has answered. */
  readonly isComplete: boolean;
}

interface Pending {
  readonly answers: PeerAnswer[];
  readonly missing: Set<MemberId>;
  readonly done: () => void;
}

/** Requests to other members, until each has answered, has left, or 2 s have passed. */
export class Requests {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #pending = new Map<string, Pending>();

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /** Asks all other members. Resolves with the answers that arrived in time. Members that answered null are left out. */
  ask(others: readonly Member[], topic: string, body: unknown): Promise<PeerAnswers> {
    return this.#ask(others, "others", { topic, body });
  }

  /** Asks one other member. Resolves with undefined if it did not answer in time. */
  async askOne(member: Member, topic: string, body: unknown): Promise<unknown> {
    const { answers } = await this.#ask([member], member.id, { topic, body });
    return answers[0]?.body;
  }

  async #ask(asked: readonly Member[], to: MemberId | "others", { topic, body }: ClusterMessage): Promise<PeerAnswers> {
    if (asked.length === 0) return { answers: [], isComplete: true };
    const id = randomId(9);
    const { promise, resolve } = Promise.withResolvers<void>();
    const pending: Pending = { answers: [], missing: new Set(asked.map((it) => it.id)), done: resolve };
    this.#pending.set(id, pending);
    const timer = this.#clock.setTimeout(resolve, answerMs);
    const request: PeerRequest = { id, topic, body };
    this.#cluster.send(to, { topic: "ask", body: request });
    await promise;
    timer.cancel();
    this.#pending.delete(id);
    return { answers: pending.answers, isComplete: pending.missing.size === 0 };
  }

  /** An answer has arrived. */
  receive(from: MemberId, { id, body }: { readonly id: string; readonly body: unknown }): void {
    const pending = this.#pending.get(id);
    const member = this.#cluster.members().find((it) => it.id === from);
    if (pending === undefined || !pending.missing.delete(from)) return;
    if (member !== undefined && body !== null) pending.answers.push({ member, body });
    if (pending.missing.size === 0) pending.done();
  }

  /** A member has left and will not answer. */
  memberLost(id: MemberId): void {
    for (const pending of this.#pending.values()) {
      if (pending.missing.delete(id) && pending.missing.size === 0) pending.done();
    }
  }
}
