import { makeScript } from "../../lib/redis/script.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import { topicPrefix } from "../../lib/redis/topic-prefix.ts";
import type { Claim, Claimed, Member, MemberId, MemberState } from "../cluster.ts";
import beat from "./beat.lua" with { type: "text" };
import claim from "./claim.lua" with { type: "text" };
import join from "./join.lua" with { type: "text" };
import release from "./release.lua" with { type: "text" };
import removeDead from "./remove-dead.lua" with { type: "text" };

/** The Lua scripts. Each file documents its keys, arguments and answers. */
export function directoryScripts() {
  return {
    join: makeScript(join),
    beat: makeScript(beat),
    claim: makeScript(claim),
    release: makeScript(release),
    removeDead: makeScript(removeDead),
  };
}

/** A member and its number; a lower number means an older member. */
export interface NumberedMember {
  readonly member: Member;
  readonly number: number;
}

export interface MemberDirectoryOptions {
  readonly scripts: ReturnType<typeof directoryScripts>;
  /** Prefix of all keys and topics. */
  readonly prefix: string;
  /** The database number. */
  readonly db: number;
  readonly expiryMs: number;
}

/** The cluster's data in Redis. All keys and topics are in one hash slot. */
export class MemberDirectory {
  /** The topic that all members subscribe to. */
  readonly topic: string;
  readonly #store: RedisStore;
  readonly #scripts: ReturnType<typeof directoryScripts>;
  readonly #base: string;
  readonly #expiryMs: number;

  constructor(store: RedisStore, { scripts, prefix, db, expiryMs }: MemberDirectoryOptions) {
    this.#store = store;
    this.#scripts = scripts;
    this.#base = `${prefix}/{cluster}`;
    this.topic = `${topicPrefix(prefix, db)}/{cluster}`;
    this.#expiryMs = expiryMs;
  }

  /** The topic of one member. */
  topicOf(id: MemberId): string {
    return `${this.topic}/${id}`;
  }

  /** Joins. Returns the live members, and the ids of members that expired without leaving. */
  async join(
    id: MemberId,
    state: MemberState,
  ): Promise<{ number: number; living: NumberedMember[]; dead: MemberId[] }> {
    const args = [
      id,
      JSON.stringify(state),
      this.#expiryMs,
      this.topic,
      this.#store.publishVerb,
      this.#heartbeatKey(""),
    ];
    const answer = await this.#run(
      this.#scripts.join,
      [this.#members, this.#heartbeatKey(id), `${this.#base}:count`],
      args,
    );
    const [number, all, dead] = answer as readonly [number, readonly string[], MemberId[]];
    const living: NumberedMember[] = [];
    for (let at = 0; at + 1 < all.length; at += 2) living.push(parseMember(all[at] ?? "", all[at + 1] ?? ""));
    return { number, living, dead };
  }

  /** @returns false if the member has expired */
  async beat({ member, number }: NumberedMember): Promise<boolean> {
    const state = `${number} ${JSON.stringify(member.state)}`;
    const args = [member.id, state, this.#expiryMs, this.topic, this.#store.publishVerb];
    return (await this.#run(this.#scripts.beat, [this.#members, this.#heartbeatKey(member.id)], args)) === 1;
  }

  /** @throws Error if the caller is not a member (any more) */
  async claim(id: MemberId, { key, holder, over }: Claim): Promise<Claimed> {
    const keys = [this.#claim(key), this.#heartbeatKey(id), this.#claimsOf(id)];
    const from = typeof over === "string" ? [over, ""] : ["holder", over.holder];
    const answer = await this.#run(this.#scripts.claim, keys, [id, holder, ...from, this.#heartbeatKey("")]);
    const [word, member, previousHolder] = answer as readonly [string, string?, string?];
    if (word === "gone") throw new Error("an expired member cannot claim anything");
    const previous =
      member === undefined || previousHolder === undefined ? undefined : { member, holder: previousHolder };
    return { isGranted: word === "granted", previous };
  }

  async release(id: MemberId, key: string, holder: string): Promise<void> {
    await this.#run(this.#scripts.release, [this.#claim(key), this.#claimsOf(id)], [holder]);
  }

  /** Removes an expired member and releases its claims. */
  removeDead(id: MemberId): Promise<void> {
    return this.#removeDead(id, "expired");
  }

  /** Announces that a member leaves, and releases its claims. */
  leave(id: MemberId): Promise<void> {
    return this.#removeDead(id, "left");
  }

  async send(topic: string, text: string): Promise<void> {
    await this.#store.shardOf(this.#base).commands.call(this.#store.publishVerb, topic, text);
  }

  async #removeDead(id: MemberId, word: "left" | "expired"): Promise<void> {
    const keys = [this.#members, this.#heartbeatKey(id), this.#claimsOf(id)];
    while ((await this.#run(this.#scripts.removeDead, keys, [id, word, this.topic, this.#store.publishVerb])) === 1);
  }

  #run(
    script: Parameters<ReturnType<RedisStore["shardOf"]>["commands"]["run"]>[0],
    keys: string[],
    args: (string | number)[],
  ) {
    return this.#store.shardOf(this.#base).commands.run(script, keys, args);
  }

  get #members(): string {
    return `${this.#base}:members`;
  }

  #heartbeatKey(id: MemberId): string {
    return `${this.#base}:alive:${id}`;
  }

  #claim(key: string): string {
    return `${this.#base}:claim:${key}`;
  }

  #claimsOf(id: MemberId): string {
    return `${this.#base}:claims:${id}`;
  }
}

/** @param text the number, a space, and the state as JSON */
export function parseMember(id: MemberId, text: string): NumberedMember {
  const space = text.indexOf(" ");
  const state = JSON.parse(text.slice(space + 1)) as MemberState;
  return { member: { id, state }, number: Number(text.slice(0, space)) };
}
