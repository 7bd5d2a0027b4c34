import type { Peers } from "../cluster/peers.ts";

/** The state of the last roll. */
export interface RollStatus extends RollStep {
  /** The outcome of the previous roll, for a command that still waits for it when the next one has begun. */
  readonly previous?: RollStep;
}

/** The progress of a roll, which is the replacement of all workers by new ones. */
export interface RollStep {
  /** Counted from 1. */
  readonly number: number;
  /** `starting` the new workers, `moving` the clients of the old ones, or how it ended. */
  readonly phase: "starting" | "moving" | "done" | "failed";
  /** One sentence: what happens, or why it failed. */
  readonly message: string;
}

/** The rolls of this node. */
export interface Rolls {
  /** Replaces the workers after the current roll, if there is one. @returns the number of that roll, or why it cannot be done */
  reload(): Promise<RollRequested>;
  /** The same, and the supervisor is replaced too, by the program that is on disk. */
  upgrade(): Promise<RollRequested>;
  /** Undefined before the first roll. */
  status(): Promise<RollStatus | undefined>;
}

export type RollRequested = { readonly number: number } | { readonly refusal: string };

/** Requests to the supervisor are for the node that they name: with Redis, the supervisors of other nodes get them too. */
interface ForNode {
  readonly node: string | null;
}

/** Answers the workers of this node. Called in the supervisor. */
export function hostRolls(rolls: Rolls, peers: Peers, node: string | null): void {
  const isMine = (request: ForNode) => request.node === node;
  peers.handle("reload", (request: ForNode) => (isMine(request) ? rolls.reload() : null));
  peers.handle("upgrade", (request: ForNode) => (isMine(request) ? rolls.upgrade() : null));
  peers.handle("roll", async (request: ForNode) => (isMine(request) ? ((await rolls.status()) ?? null) : null));
}

/** The rolls of the node of a worker, which asks its supervisor. */
export class RemoteRolls implements Rolls {
  readonly #peers: Peers;
  readonly #node: () => string | null;

  constructor(peers: Peers, node: () => string | null) {
    this.#peers = peers;
    this.#node = node;
  }

  reload(): Promise<RollRequested> {
    return this.#request("reload");
  }

  upgrade(): Promise<RollRequested> {
    return this.#request("upgrade");
  }

  status(): Promise<RollStatus | undefined> {
    return this.#ask<RollStatus>("roll");
  }

  async #request(topic: string): Promise<RollRequested> {
    return (await this.#ask<RollRequested>(topic)) ?? { refusal: "the supervisor does not answer" };
  }

  async #ask<T>(topic: string): Promise<T | undefined> {
    const request: ForNode = { node: this.#node() };
    const answers = await this.#peers.ask(topic, request);
    return answers.map(({ body }) => body as T | null).find((body) => body !== null) ?? undefined;
  }
}
