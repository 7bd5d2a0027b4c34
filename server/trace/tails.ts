import { ServiceError } from "../../protocol/errors.ts";
import type { MemberId } from "../cluster/cluster.ts";
import type { Peers, RequestSender } from "../cluster/peers.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { randomId } from "../lib/random-id.ts";
import type { Feed, FeedBatch } from "./feed.ts";
import type { TailFilter } from "./tail-event.ts";

/** Tails that this worker serves, and that it feeds for other workers. */
const maxTails = 16;
const maxFed = 128;
/**
 * How often the other workers are asked to continue a tail, and how long they continue without being asked. A new worker
 * joins a tail with the next request.
 */
const renewMs = 3000;
const leaseMs = 10_000;

/** A batch, and the worker it comes from. */
export interface TailBatch extends FeedBatch {
  readonly worker: string;
}

/** A request to feed a tail, or to continue. */
interface TailRequest {
  readonly id: string;
  readonly filter: TailFilter;
}

/** A message of a worker to the one that serves the tail. */
interface TailAnswer extends TailBatch {
  readonly id: string;
}

interface Fed {
  readonly for: MemberId;
  readonly stop: () => void;
  until: number;
}

type PeersOfTails = Pick<Peers, "handle" | "notify" | "notifyAll" | "on" | "name">;

/**
 * Live tails over all workers: each feeds the tails of the others while they keep asking. Nothing is sent while nobody
 * tails.
 */
export class Tails {
  readonly #feed: Feed;
  readonly #peers: PeersOfTails;
  readonly #clock: Clock;
  readonly #served = new Map<string, { onBatch(batch: TailBatch): void; onEnd(): void }>();
  readonly #fed = new Map<string, Fed>();
  #timer: Timer | undefined;

  constructor(feed: Feed, peers: PeersOfTails, clock: Clock) {
    this.#feed = feed;
    this.#peers = peers;
    this.#clock = clock;
    peers.handle("tail", (request: TailRequest, { from }: RequestSender) => this.#feedFor(from, request));
    peers.handle("tail-end", (id: string) => this.#endFeeding(id));
    peers.handle("tailed", ({ id, ...batch }: TailAnswer) => this.#served.get(id)?.onBatch(batch));
    peers.on("memberLost", (member) => {
      for (const [id, fed] of this.#fed) if (fed.for === member) this.#endFeeding(id);
    });
  }

  /**
   * @param onEnd called if the server ends it
   * @returns a function that ends it
   * @throws ServiceError "rate-limited" if there are too many
   */
  open(filter: TailFilter, onBatch: (batch: TailBatch) => void, onEnd: () => void): () => void {
    if (this.#served.size >= maxTails) {
      throw new ServiceError("rate-limited", `this worker already serves ${maxTails} tails: end one first`);
    }
    const id = randomId(9);
    const stop = this.#feed.watch(filter, (batch) => onBatch({ ...batch, worker: this.#peers.name }));
    const request: TailRequest = { id, filter };
    let renewal: Timer | undefined;
    const ask = () => {
      this.#peers.notifyAll("tail", request);
      renewal = this.#clock.setTimeout(ask, renewMs);
    };
    const end = () => {
      if (!this.#served.delete(id)) return;
      stop();
      renewal?.cancel();
      this.#peers.notifyAll("tail-end", id);
    };
    this.#served.set(id, {
      onBatch,
      onEnd: () => {
        end();
        onEnd();
      },
    });
    ask();
    return end;
  }

  /** Ends all tails. Idempotent. */
  close(): void {
    for (const { onEnd } of [...this.#served.values()]) onEnd();
    for (const id of [...this.#fed.keys()]) this.#endFeeding(id);
  }

  #feedFor(member: MemberId, { id, filter }: TailRequest): void {
    const until = this.#clock.monotonic() + leaseMs;
    const known = this.#fed.get(id);
    if (known !== undefined) known.until = until;
    else if (this.#fed.size < maxFed) {
      const send = (batch: FeedBatch) => {
        const answer: TailAnswer = { id, worker: this.#peers.name, ...batch };
        this.#peers.notify(member, "tailed", answer);
      };
      this.#fed.set(id, { for: member, stop: this.#feed.watch(filter, send), until });
    }
    this.#timer ??= this.#clock.setTimeout(() => this.#endExpired(), leaseMs);
  }

  #endFeeding(id: string): void {
    this.#fed.get(id)?.stop();
    this.#fed.delete(id);
  }

  #endExpired(): void {
    const now = this.#clock.monotonic();
    for (const [id, { until }] of this.#fed) if (until <= now) this.#endFeeding(id);
    this.#timer = this.#fed.size === 0 ? undefined : this.#clock.setTimeout(() => this.#endExpired(), leaseMs);
  }
}
