import { alignedDelay } from "../../lib/aligned-delay.ts";
import type { Clock, Timer } from "../../lib/clock.ts";
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
import { defaultExpiryMs, Switchboard } from "../switchboard.ts";

/** A member of a cluster within this process. A server of one process is the only member of its cluster. */
export class MemoryCluster implements Cluster {
  readonly #switchboard: Switchboard;
  readonly #clock: Clock;
  readonly #beatMs: number;
  #state: MemberState;
  #events: ClusterEvents | undefined;
  #id: MemberId | undefined;
  #timer: Timer | undefined;

  constructor(switchboard: Switchboard, state: MemberState, clock: Clock, expiryMs = defaultExpiryMs) {
    this.#switchboard = switchboard;
    this.#state = state;
    this.#clock = clock;
    this.#beatMs = expiryMs / 3;
  }

  /** The cluster of a single-process server. */
  static alone(clock: Clock): MemoryCluster {
    const state = { name: "server", pid: process.pid, isDraining: false };
    return new MemoryCluster(new Switchboard(clock), state, clock);
  }

  async start(events: ClusterEvents): Promise<void> {
    this.#events = laterOf(events);
    this.#beat();
  }

  members(): readonly Member[] {
    const all = this.#switchboard.members();
    return [...all.filter(({ id }) => id === this.#id), ...all.filter(({ id }) => id !== this.#id)];
  }

  announce(changes: Partial<MemberState>): void {
    this.#state = { ...this.#state, ...changes };
    if (this.#id !== undefined) this.#switchboard.beat(this.#id, this.#state);
  }

  send(to: MemberId | "others", message: ClusterMessage): void {
    if (this.#id !== undefined) this.#switchboard.send(this.#id, to, message);
  }

  async claim(claim: Claim): Promise<Claimed> {
    if (this.#id === undefined) throw new Error("the member has left the cluster");
    return this.#switchboard.claim(this.#id, claim);
  }

  release(key: string, holder: string): void {
    this.#switchboard.release(key, holder);
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#events = undefined;
    if (this.#id !== undefined) this.#switchboard.leave(this.#id);
    this.#id = undefined;
  }

  /** If the process was suspended, the others have seen this member expire, so it joins again. */
  readonly #beat = (): void => {
    if (this.#events === undefined) return;
    this.#timer = this.#clock.setTimeout(this.#beat, alignedDelay(this.#clock, this.#beatMs));
    if (this.#id !== undefined && this.#switchboard.beat(this.#id, this.#state) !== "unknown") return;
    const isBack = this.#id !== undefined;
    this.#id = this.#switchboard.join(this.#state, this.#events);
    if (isBack) this.#events.onReturned();
  };
}

/** Calls the events in the same order, each in a later turn, so that none is called inside a call. */
function laterOf(events: ClusterEvents): ClusterEvents {
  return {
    onJoined: (member) => queueMicrotask(() => events.onJoined(member)),
    onLeft: (member) => queueMicrotask(() => events.onLeft(member)),
    onMessage: (from, message) => queueMicrotask(() => events.onMessage(from, structuredClone(message))),
    onReturned: () => queueMicrotask(() => events.onReturned()),
  };
}
