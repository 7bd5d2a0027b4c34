import { getLogger } from "@logtape/logtape";
import type { Clock, Timer } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import type { RedisAddress } from "../../lib/redis/address.ts";
import type { MakeConnection } from "../../lib/redis/connect.ts";
import { RedisStore } from "../../lib/redis/store.ts";
import { RedisUnreachable, RedisUnusable } from "../../lib/redis/unreachable.ts";
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
import { directoryScripts, MemberDirectory, type NumberedMember, parseMember } from "./member-directory.ts";
import { Others } from "./others.ts";

/** Delay before retrying to join, or to release a claim, after a failure that was not the connection's. */
const retryMs = 1000;

export interface RedisClusterOptions {
  readonly address: RedisAddress;
  /** Prefix of all keys and topics. */
  readonly prefix: string;
  readonly state: MemberState;
  readonly clock: Clock;
  readonly expiryMs?: number;
  /** See RedisStoreSettings. */
  readonly connect?: MakeConnection;
}

/**
 * A member of the cluster of all workers that use the same Redis and prefix, on any machine.
 *
 * Messages are sent with publish and subscribe, which loses them when a connection breaks. So each break of either connection
 * ends this membership: the others leave, as this member sees it, and it joins again under another id.
 */
export class RedisCluster implements Cluster {
  readonly #store: RedisStore;
  readonly #directory: MemberDirectory;
  readonly #others: Others;
  readonly #clock: Clock;
  readonly #expiryMs: number;
  #state: MemberState;
  #events: ClusterEvents | undefined;
  /** This membership, once it has joined. */
  #self: NumberedMember | undefined;
  /** The membership being started, and the messages that arrived meanwhile. */
  #joining: { readonly id: MemberId; readonly early: string[] } | undefined;
  #hasJoined = false;
  readonly #firstJoin = Promise.withResolvers<void>();
  /** Ended memberships of this member that may still be in Redis. */
  readonly #former = new Set<MemberId>();
  #beat: Timer | undefined;

  constructor({ address, prefix, state, clock, connect, expiryMs = defaultExpiryMs }: RedisClusterOptions) {
    this.#state = state;
    this.#clock = clock;
    this.#expiryMs = expiryMs;
    const scripts = directoryScripts();
    this.#store = new RedisStore(
      { address, clock, scripts: Object.values(scripts), connect },
      {
        onUp: () => void this.#begin(),
        onDown: () => this.#end(),
        onMessage: (topic, text) => this.#receive(topic, text),
      },
    );
    this.#directory = new MemberDirectory(this.#store, { scripts, prefix, db: address.db, expiryMs });
    this.#others = new Others({
      clock,
      // A little longer than the heartbeat key lasts, so that no member is dropped here that is alive in Redis.
      silenceMs: expiryMs * 1.25,
      onJoined: (member) => this.#events?.onJoined(member),
      onLeft: (member) => this.#events?.onLeft(member),
      onSilent: (id) => void this.#quietly(this.#directory.removeDead(id)),
    });
  }

  /** @throws RedisUnusable, RedisUnreachable */
  async start(events: ClusterEvents): Promise<void> {
    this.#events = events;
    await Promise.all([this.#store.start(), this.#firstJoin.promise]);
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
    const topic = to === "others" ? this.#directory.topic : this.#directory.topicOf(to);
    const text = `message ${this.#self.member.id} ${JSON.stringify(message)}`;
    void this.#quietly(this.#directory.send(topic, text)); // if the connection breaks it is lost, and so is this membership
  }

  async claim(claim: Claim): Promise<Claimed> {
    if (this.#self === undefined) throw new Error("Redis is not reachable");
    return this.#directory.claim(this.#self.member.id, claim);
  }

  release(key: string, holder: string): void {
    // Without a membership, everything this member held is released already.
    if (this.#self !== undefined) void this.#release(this.#self, key, holder);
  }

  async close(): Promise<void> {
    if (this.#events === undefined) return;
    this.#events = undefined;
    this.#beat?.cancel();
    this.#others.close();
    const self = this.#self;
    this.#self = undefined;
    if (self !== undefined) await this.#quietly(this.#directory.leave(self.member.id));
    this.#store.close();
  }

  /** Retries while this membership lasts: if Redis refuses writes, the connection stays open and the claim would stay taken. */
  async #release(self: NumberedMember, key: string, holder: string): Promise<void> {
    while (this.#self === self) {
      try {
        await this.#directory.release(self.member.id, key, holder);
        return;
      } catch (error) {
        log().debug("Could not release a claim yet: {error}", { error });
      }
      await this.#clock.sleep(retryMs);
    }
  }

  /** Releases claims that Redis granted although their answers were lost. Otherwise they last until the membership expires. */
  async #removeFormer(id: MemberId): Promise<void> {
    try {
      await this.#directory.leave(id);
      this.#former.delete(id);
    } catch (error) {
      log().debug("Could not remove an ended membership yet: {error}", { error }); // the next join retries
    }
  }

  /** Subscribes first and joins second, so that no message after the answer is missed. */
  async #begin(): Promise<void> {
    this.#end();
    const joining = { id: `m_${randomId(9)}`, early: [] as string[] };
    this.#joining = joining;
    try {
      await this.#store.subscribe([this.#directory.topic, this.#directory.topicOf(joining.id)]);
      const { number, living, dead } = await this.#directory.join(joining.id, this.#state);
      if (this.#joining !== joining || this.#events === undefined) return;
      this.#joining = undefined;
      this.#self = { member: { id: joining.id, state: this.#state }, number };
      for (const it of living) this.#others.seen(it);
      for (const id of dead) void this.#quietly(this.#directory.removeDead(id));
      if (this.#hasJoined) this.#events.onReturned(); // first claims what it holds under its new id
      for (const id of this.#former) void this.#removeFormer(id);
      this.#hasJoined = true;
      this.#firstJoin.resolve();
      for (const text of joining.early) this.#handle(text);
    } catch (error) {
      if (this.#joining !== joining) return;
      // Without effect after the first join: a server that runs waits until Redis can be used again.
      if (error instanceof RedisUnusable) this.#firstJoin.reject(error);
      const isOfRedis = error instanceof RedisUnusable || error instanceof RedisUnreachable;
      log().warning("Could not join the other workers: {error}", { error: isOfRedis ? error.message : error });
      this.#clock.setTimeout(() => {
        if (this.#joining === joining && this.#store.isUp) void this.#begin();
      }, retryMs);
    }
  }

  /** Ends this membership: messages from now on are missed. */
  #end(): void {
    const ended = this.#self?.member.id ?? this.#joining?.id;
    this.#self = undefined;
    this.#joining = undefined;
    if (ended !== undefined) {
      this.#former.add(ended);
      void this.#quietly(this.#store.unsubscribe([this.#directory.topicOf(ended)]));
    }
    this.#others.allLeave();
  }

  #receive(topic: string, text: string): void {
    const { topic: all } = this.#directory;
    const own = this.#self?.member.id ?? this.#joining?.id;
    if (topic !== all && (own === undefined || topic !== this.#directory.topicOf(own))) return;
    if (this.#self === undefined) this.#joining?.early.push(text);
    else this.#handle(text);
  }

  /** Handles `joined`, `beat`, `left`, `message` or `rejoin`, a space, the sender's id, a space, and the content. */
  #handle(text: string): void {
    const [word = "", id = ""] = text.split(" ", 2);
    if (id === this.#self?.member.id) {
      this.#others.sawOwnMessage();
      return;
    }
    const rest = text.slice(word.length + id.length + 2);
    if (word === "rejoin") void this.#begin();
    else if (word === "left") this.#others.left(id);
    else if (word === "joined" || word === "beat") this.#handleHeartbeat(word, parseMember(id, rest));
    else if (word === "message" && this.#others.knows(id)) {
      this.#events?.onMessage(id, JSON.parse(rest) as ClusterMessage);
    }
  }

  /** A member that expired here without noticing must join again: otherwise it would never send its roster again. */
  #handleHeartbeat(word: "joined" | "beat", it: NumberedMember): void {
    if (word === "joined" || this.#others.knows(it.member.id)) this.#others.seen(it);
    else {
      const topic = this.#directory.topicOf(it.member.id);
      void this.#quietly(this.#directory.send(topic, `rejoin ${this.#self?.member.id ?? ""} `));
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
    if (this.#others.isSubscriptionBroken()) {
      log().error("Redis delivers no messages to this worker although the connection is open. Reconnecting");
      for (const shard of this.#store.shards) this.#store.restart(shard);
      return;
    }
    try {
      const lives = await this.#directory.beat({ ...self, member: { ...self.member, state: this.#state } });
      if (!lives && this.#self === self) void this.#begin();
    } catch {
      // The connection broke and ended this membership, or Redis accepts no writes and this member expires.
    }
  }

  /** Failures of a broken connection need no handling: the membership they belonged to has ended. */
  async #quietly(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      log().debug("A command failed because the connection to Redis broke: {error}", { error });
    }
  }
}

function log() {
  return getLogger(["fanfare", "cluster"]);
}
