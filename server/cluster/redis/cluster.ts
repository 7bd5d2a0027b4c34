import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { RedisAddress } from "../../lib/redis/address.ts";
import type { MakeConnection } from "../../lib/redis/connect.ts";
import { RedisStore } from "../../lib/redis/store.ts";
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
import { Meeting, meetingScripts, type NumberedMember, parseMember } from "./meeting.ts";
import { Others } from "./others.ts";

/** Tries to join again after a failure that was none of the connection's. */
const rejoinMs = 1000;

export interface RedisClusterOptions {
  readonly address: RedisAddress;
  /** What all keys and topics begin with. */
  readonly prefix: string;
  readonly state: MemberState;
  readonly clock: Clock;
  readonly expiryMs?: number;
  /** See RedisStoreSettings. */
  readonly connect?: MakeConnection;
}

/**
 * A worker among all those that use the same Redis and prefix, on whatever machine.
 *
 * Messages travel by publish and subscribe, which loses them when a connection breaks. So each break, of whichever
 * connection, ends this member's life: the others leave, as far as it knows, and it joins anew under another name.
 */
export class RedisCluster implements Cluster {
  readonly #store: RedisStore;
  readonly #meeting: Meeting;
  readonly #others: Others;
  readonly #clock: Clock;
  readonly #expiryMs: number;
  #state: MemberState;
  #events: ClusterEvents | undefined;
  /** The life of this member, once it has joined. */
  #self: NumberedMember | undefined;
  /** The life that is being begun, and what came over its topics meanwhile. */
  #joining: { readonly id: MemberId; readonly early: string[] } | undefined;
  #hadLife = false;
  #beat: Timer | undefined;

  constructor({ address, prefix, state, clock, connect, expiryMs = defaultExpiryMs }: RedisClusterOptions) {
    this.#state = state;
    this.#clock = clock;
    this.#expiryMs = expiryMs;
    const scripts = meetingScripts();
    this.#store = new RedisStore(
      { address, clock, scripts: Object.values(scripts), connect },
      {
        onUp: () => void this.#begin(),
        onDown: () => this.#end(),
        onMessage: (topic, text) => this.#hear(topic, text),
      },
    );
    this.#meeting = new Meeting(this.#store, { scripts, prefix, db: address.db, expiryMs });
    this.#others = new Others({
      clock,
      // A little longer than its sign of life lasts, so that nobody is given up here who lives in Redis.
      silenceMs: expiryMs * 1.25,
      onJoined: (member) => this.#events?.onJoined(member),
      onLeft: (member) => this.#events?.onLeft(member),
      onSilent: (id) => void this.#quietly(this.#meeting.bury(id)),
    });
  }

  /** @throws RedisUnusable, RedisUnreachable */
  async start(events: ClusterEvents): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#events = events;
    this.#onFirstLife = resolve;
    await this.#store.start();
    await promise;
    this.#arm();
  }

  members(): readonly Member[] {
    const self = this.#self === undefined ? [] : [{ id: this.#self.member.id, state: this.#state }];
    return [...self, ...this.#others.all()];
  }

  announce(changes: Partial<MemberState>): void {
    this.#state = { ...this.#state, ...changes };
    void this.#sendBeat();
  }

  send(to: MemberId | "others", message: ClusterMessage): void {
    if (this.#self === undefined) return;
    const topic = to === "others" ? this.#meeting.topic : this.#meeting.topicOf(to);
    const text = `message ${this.#self.member.id} ${JSON.stringify(message)}`;
    void this.#quietly(this.#meeting.send(topic, text)); // lost with the connection, and so with this life
  }

  async claim(claim: Claim): Promise<Claimed> {
    if (this.#self === undefined) throw new Error("Redis, where the workers meet, is out of reach");
    return this.#meeting.claim(this.#self.member.id, claim);
  }

  release(key: string, holder: string): void {
    // Without a life everything of this one is free already.
    if (this.#self !== undefined) void this.#quietly(this.#meeting.release(this.#self.member.id, key, holder));
  }

  async close(): Promise<void> {
    if (this.#events === undefined) return;
    this.#events = undefined;
    this.#beat?.cancel();
    this.#others.close();
    const self = this.#self;
    this.#self = undefined;
    if (self !== undefined) await this.#quietly(this.#meeting.leave(self.member.id));
    this.#store.close();
  }

  #onFirstLife: () => void = () => undefined;

  /** Subscribes first, joins second, so that nothing that is said after the answer can be missed. */
  async #begin(): Promise<void> {
    this.#end();
    const joining = { id: `m_${randomId(9)}`, early: [] as string[] };
    this.#joining = joining;
    try {
      await this.#store.subscribe([this.#meeting.topic, this.#meeting.topicOf(joining.id)]);
      const { number, living, dead } = await this.#meeting.join(joining.id, this.#state);
      if (this.#joining !== joining || this.#events === undefined) return;
      this.#joining = undefined;
      this.#self = { member: { id: joining.id, state: this.#state }, number };
      for (const it of living) this.#others.heard(it);
      for (const id of dead) void this.#quietly(this.#meeting.bury(id));
      if (this.#hadLife) this.#events.onReturned();
      this.#hadLife = true;
      this.#onFirstLife();
      for (const text of joining.early) this.#take(text);
    } catch (error) {
      if (this.#joining !== joining) return;
      log().warning("Could not join the other workers: {error}", { error });
      this.#clock.setTimeout(() => {
        if (this.#joining === joining && this.#store.isUp) void this.#begin();
      }, rejoinMs);
    }
  }

  /** This life is over: what is said from now on is missed. */
  #end(): void {
    const ended = this.#self?.member.id ?? this.#joining?.id;
    this.#self = undefined;
    this.#joining = undefined;
    if (ended !== undefined) void this.#quietly(this.#store.unsubscribe([this.#meeting.topicOf(ended)]));
    this.#others.allLeave();
  }

  #hear(topic: string, text: string): void {
    const { topic: all } = this.#meeting;
    const own = this.#self?.member.id ?? this.#joining?.id;
    if (topic !== all && (own === undefined || topic !== this.#meeting.topicOf(own))) return;
    if (this.#self === undefined) this.#joining?.early.push(text);
    else this.#take(text);
  }

  /** `joined`, `beat`, `left`, `message` or `again`, a space, who says it, a space, and what. */
  #take(text: string): void {
    const [word = "", id = ""] = text.split(" ", 2);
    if (id === this.#self?.member.id) {
      this.#others.heardMyself();
      return;
    }
    const rest = text.slice(word.length + id.length + 2);
    if (word === "again") void this.#begin();
    else if (word === "left") this.#others.left(id);
    else if (word === "joined" || word === "beat") this.#met(word, parseMember(id, rest));
    else if (word === "message" && this.#others.knows(id)) {
      this.#events?.onMessage(id, JSON.parse(rest) as ClusterMessage);
    }
  }

  /** Somebody who was given up here and does not know it must join anew: it would never say its picture again. */
  #met(word: "joined" | "beat", it: NumberedMember): void {
    if (word === "joined" || this.#others.knows(it.member.id)) this.#others.heard(it);
    else {
      const topic = this.#meeting.topicOf(it.member.id);
      void this.#quietly(this.#meeting.send(topic, `again ${this.#self?.member.id ?? ""} `));
    }
  }

  #arm(): void {
    if (this.#events === undefined) return;
    this.#beat = this.#clock.setTimeout(() => {
      this.#arm();
      void this.#sendBeat();
    }, this.#expiryMs / 3);
  }

  async #sendBeat(): Promise<void> {
    const self = this.#self;
    if (self === undefined) return;
    if (this.#others.isDeaf()) {
      log().error("Redis delivers nothing to this worker although the connection looks alive: it is opened anew");
      for (const shard of this.#store.shards) this.#store.restart(shard);
      return;
    }
    try {
      const lives = await this.#meeting.beat({ ...self, member: { ...self.member, state: this.#state } });
      if (!lives && this.#self === self) void this.#begin();
    } catch {
      // The connection broke, and with it this life; or Redis takes no writes, and the others give this one up.
    }
  }

  /** What fails because the connection broke needs no word: the life it belonged to is over. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      log().debug("Lost with the connection to Redis: {error}", { error });
    }
  }
}

function log() {
  return getLogger(["fanfare", "cluster"]);
}
