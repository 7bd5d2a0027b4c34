import { getLogger } from "@logtape/logtape";
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

/** How long a new member waits for its host. */
const startMs = 15_000;
/** How long a claim may wait for its answer. */
const claimMs = 5000;

/** What a member of a host's cluster is told. */
export interface IpcClusterOptions {
  /** Where the host listens. */
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
 * A worker among those of its machine, which meet at the supervisor's `ClusterHost`. While the link to it is broken this
 * member is alone: the others have left, as far as it knows, and come again.
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
  #wasSeated = false;
  #beat: Timer | undefined;
  #lastClaim = 0;

  constructor(options: IpcClusterOptions) {
    this.#options = { clock: systemClock, expiryMs: defaultExpiryMs, ...options };
    this.#state = options.state;
    const { path, state } = options;
    this.#steady = new SteadyLink(
      { path, protocol: clusterProtocol, name: state.name },
      {
        onOpen: () => this.#say({ verb: "join", state: this.#state }),
        onText: (text) => this.#take(JSON.parse(text) as HostMessage),
        onBreak: (end) => this.#broke(end),
        onFailure: ({ reason, isRefusal }) => isRefusal && this.#started.reject(new Error(reason)),
      },
    );
  }

  /** @throws Error when the host does not answer in time, or speaks another version */
  async start(events: ClusterEvents): Promise<void> {
    this.#events = events;
    this.#steady.start();
    const { clock, path } = this.#options;
    const late = new Error(`the workers' meeting place does not answer on ${path} for ${startMs / 1000} s`);
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
    if (this.#id !== undefined) this.#say({ verb: "beat", state: this.#state });
  }

  send(to: MemberId | "others", message: ClusterMessage): void {
    if (this.#id !== undefined) this.#say({ verb: "send", to, message });
  }

  claim(claim: Claim): Promise<Claimed> {
    if (this.#id === undefined || this.#events === undefined) {
      return Promise.reject(new Error("the workers' meeting place is out of reach"));
    }
    const n = ++this.#lastClaim;
    const { promise, resolve, reject } = Promise.withResolvers<Claimed>();
    const timer = this.#options.clock.setTimeout(() => {
      this.#claims.delete(n);
      reject(new Error("the workers' meeting place does not answer"));
    }, claimMs);
    this.#claims.set(n, { resolve, reject, timer });
    this.#say({ verb: "claim", n, claim });
    return promise;
  }

  release(key: string, holder: string): void {
    // Out of reach, everything of this one is free already.
    if (this.#id !== undefined) this.#say({ verb: "release", key, holder });
  }

  async close(): Promise<void> {
    this.#events = undefined;
    this.#beat?.cancel();
    await this.#steady.close();
    this.#forget("the cluster was left");
  }

  #take(word: HostMessage): void {
    if (word.verb === "seated") {
      this.#id = word.id;
      for (const member of word.others) this.#joined(member);
      this.#started.resolve();
      if (this.#wasSeated) this.#events?.onReturned();
      this.#wasSeated = true;
    } else if (word.verb === "joined") this.#joined(word.member);
    else if (word.verb === "state") {
      if (this.#others.has(word.member.id)) this.#others.set(word.member.id, word.member);
    } else if (word.verb === "left") this.#left(word.id);
    else if (word.verb === "message") this.#events?.onMessage(word.from, word.message);
    else this.#claimed(word);
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
    // That it broke is said once, by the broker's link, which ends with the same process.
    if (cause !== undefined) log().error("What the workers' meeting place said could not be taken: {cause}", { cause });
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
    this.#beat = this.#options.clock.setTimeout(() => {
      if (this.#id !== undefined) this.#say({ verb: "beat", state: this.#state });
      this.#armBeat();
    }, this.#options.expiryMs / 3);
  }

  #say(word: MemberMessage): void {
    this.#steady.link?.send(JSON.stringify(word));
  }
}

function log() {
  return getLogger(["fanfare", "cluster"]);
}
