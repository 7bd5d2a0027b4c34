import { getLogger } from "@logtape/logtape";
import { alignedDelay } from "../../lib/aligned-delay.ts";
import { type Clock, systemClock, type Timer } from "../../lib/clock.ts";
import type { LinkEnd } from "../../lib/link/link.ts";
import { SteadyLink } from "../../lib/link/steady-link.ts";
import type {
  Claim,
  Claimed,
  Cluster,
  ClusterEvents,
  ClusterMessage,
  Member,
  MemberId,
  MemberState,
} from "../cluster.ts";
import { defaultExpiryMs } from "../switchboard.ts";
import { clusterProtocol, type HostMessage, type MemberMessage } from "./messages.ts";

/** How long to wait for the host at start. */
const startMs = 15_000;
/** How long to wait for the answer to a claim. */
const claimMs = 5000;

/** Settings of one member. */
export interface IpcClusterOptions {
  /** The socket path of the host. */
  readonly path: string;
  readonly state: MemberState;
  readonly clock?: Clock;
  readonly expiryMs?: number;
}

interface Waiting {
  readonly resolve: (claimed: Claimed) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/**
 * A member of the cluster of one machine, connected to the supervisor's `ClusterHost`. While the link is broken this member is
 * alone: it sees the others leave, and join again later.
 */
export class IpcCluster implements Cluster {
  readonly #options: Required<IpcClusterOptions>;
  readonly #steady: SteadyLink;
  readonly #others = new Map<MemberId, Member>();
  readonly #claims = new Map<number, Waiting>();
  readonly #started = Promise.withResolvers<void>();
  #state: MemberState;
  #events: ClusterEvents | undefined;
  #id: MemberId | undefined;
  #hasJoined = false;
  #beat: Timer | undefined;
  #lastClaim = 0;

  constructor(options: IpcClusterOptions) {
    this.#options = { clock: systemClock, expiryMs: defaultExpiryMs, ...options };
    this.#state = options.state;
    const { path, state } = options;
    this.#steady = new SteadyLink(
      { path, protocol: clusterProtocol, name: state.name },
      {
        onOpen: () => this.#send({ verb: "join", state: this.#state }),
        onText: (text) => this.#handle(JSON.parse(text) as HostMessage),
        onBreak: (end) => this.#broke(end),
        onFailure: ({ reason, isRefusal }) => isRefusal && this.#started.reject(new Error(reason)),
      },
    );
  }

  /** @throws Error if the host does not answer in time, or uses another version */
  async start(events: ClusterEvents): Promise<void> {
    this.#events = events;
    this.#steady.start();
    const { clock, path } = this.#options;
    const late = new Error(`the supervisor did not answer on ${path} within ${startMs / 1000} s`);
    const timer = clock.setTimeout(() => this.#started.reject(late), startMs);
    await this.#started.promise.finally(() => timer.cancel());
    this.#armBeat();
  }

  members(): readonly Member[] {
    const self = this.#id === undefined ? [] : [{ id: this.#id, state: this.#state }];
    return [...self, ...this.#others.values()];
  }

  announce(changes: Partial<MemberState>): void {
    this.#state = { ...this.#state, ...changes };
    if (this.#id !== undefined) this.#send({ verb: "beat", state: this.#state });
  }

  send(to: MemberId | "others", message: ClusterMessage): void {
    if (this.#id !== undefined) this.#send({ verb: "send", to, message });
  }

  claim(claim: Claim): Promise<Claimed> {
    if (this.#id === undefined || this.#events === undefined) {
      return Promise.reject(new Error("the supervisor is not connected"));
    }
    const n = ++this.#lastClaim;
    const { promise, resolve, reject } = Promise.withResolvers<Claimed>();
    const timer = this.#options.clock.setTimeout(() => {
      this.#claims.delete(n);
      reject(new Error("the supervisor does not answer"));
    }, claimMs);
    this.#claims.set(n, { resolve, reject, timer });
    this.#send({ verb: "claim", n, claim });
    return promise;
  }

  release(key: string, holder: string): void {
    // While disconnected, everything this member held is released already.
    if (this.#id !== undefined) this.#send({ verb: "release", key, holder });
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#beat?.cancel();
    await this.#steady.close();
    this.#forget("the member has left the cluster");
  }

  #handle(message: HostMessage): void {
    if (message.verb === "welcome") {
      this.#id = message.id;
      for (const member of message.others) this.#joined(member);
      this.#started.resolve();
      if (this.#hasJoined) this.#events?.onReturned();
      this.#hasJoined = true;
    } else if (message.verb === "joined") this.#joined(message.member);
    else if (message.verb === "state") {
      if (this.#others.has(message.member.id)) this.#others.set(message.member.id, message.member);
    } else if (message.verb === "left") this.#left(message.id);
    else if (message.verb === "message") this.#events?.onMessage(message.from, message.message);
    else this.#claimed(message);
  }

  #joined(member: Member): void {
    this.#others.set(member.id, member);
    this.#events?.onJoined(member);
  }

  #left(id: MemberId): void {
    const member = this.#others.get(id);
    this.#others.delete(id);
    if (member !== undefined) this.#events?.onLeft(member);
  }

  #claimed({ n, isGranted, previous }: HostMessage & { verb: "claimed" }): void {
    const waiting = this.#claims.get(n);
    this.#claims.delete(n);
    waiting?.timer.cancel();
    waiting?.resolve({ isGranted, previous });
  }

  #broke({ reason, cause }: LinkEnd): void {
    // The broker's link logs the break, because both links break when the supervisor dies.
    if (cause !== undefined) log().error("A message from the supervisor could not be handled: {cause}", { cause });
    for (const id of [...this.#others.keys()]) this.#left(id);
    this.#forget(reason);
  }

  #forget(reason: string): void {
    this.#id = undefined;
    this.#others.clear();
    for (const { reject, timer } of this.#claims.values()) {
      timer.cancel();
      reject(new Error(reason));
    }
    this.#claims.clear();
  }

  #armBeat(): void {
    if (this.#events === undefined) return;
    const { clock, expiryMs } = this.#options;
    const beat = () => {
      if (this.#id !== undefined) this.#send({ verb: "beat", state: this.#state });
      this.#armBeat();
    };
    this.#beat = clock.setTimeout(beat, alignedDelay(clock, expiryMs / 3));
  }

  #send(message: MemberMessage): void {
    this.#steady.link?.send(JSON.stringify(message));
  }
}

function log() {
  return getLogger(["fanfare", "cluster"]);
}
