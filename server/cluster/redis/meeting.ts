import { makeScript } from "../../lib/redis/script.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import { topicPrefix } from "../../lib/redis/topic-prefix.ts";
import type { Claim, Claimed, Member, MemberId, MemberState } from "../cluster.ts";
import beat from "./beat.lua" with { type: "text" };
import bury from "./bury.lua" with { type: "text" };
import claim from "./claim.lua" with { type: "text" };
import join from "./join.lua" with { type: "text" };
import release from "./release.lua" with { type: "text" };

/** What runs inside Redis; each file says its keys, arguments and answers. */
export function meetingScripts() {
  return {
    join: makeScript(join),
    beat: makeScript(beat),
    claim: makeScript(claim),
    release: makeScript(release),
    bury: makeScript(bury),
  };
}

/** A member and its number: the lower, the older. */
export interface NumberedMember {
  readonly member: Member;
  readonly number: number;
}

export interface MeetingOptions {
  readonly scripts: ReturnType<typeof meetingScripts>;
  /** What all keys and topics begin with. */
  readonly prefix: string;
  /** The number of the database. */
  readonly db: number;
  readonly expiryMs: number;
}

/** Where the members of a server meet in Redis. All keys and topics are in one hash slot. */
export class Meeting {
  /** What all members hear. */
  readonly topic: string;
  readonly #store: RedisStore;
  readonly #scripts: ReturnType<typeof meetingScripts>;
  readonly #base: string;
  readonly #expiryMs: number;

  constructor(store: RedisStore, { scripts, prefix, db, expiryMs }: MeetingOptions) {
    this.#store = store;
    this.#scripts = scripts;
    this.#base = `${prefix}/{cluster}`;
    this.topic = `${topicPrefix(prefix, db)}/{cluster}`;
    this.#expiryMs = expiryMs;
  }

  /** What one member hears. */
  topicOf(id: MemberId): string {
    return `${this.topic}/${id}`;
  }

  /** Those who live are answered, those who died without a word are named. */
  async join(
    id: MemberId,
    state: MemberState,
  ): Promise<{ number: number; living: NumberedMember[]; dead: MemberId[] }> {
    const args = [id, JSON.stringify(state), this.#expiryMs, this.topic, this.#store.publishVerb, this.#sign("")];
    const answer = await this.#run(this.#scripts.join, [this.#members, this.#sign(id), `${this.#base}:count`], args);
    const [number, all, dead] = answer as readonly [number, readonly string[], MemberId[]];
    const living: NumberedMember[] = [];
    for (let at = 0; at + 1 < all.length; at += 2) living.push(parseMember(all[at] ?? "", all[at + 1] ?? ""));
    return { number, living, dead };
  }

  /** @returns false where the member was given up */
  async beat({ member, number }: NumberedMember): Promise<boolean> {
    const state = `${number} ${JSON.stringify(member.state)}`;
    const args = [member.id, state, this.#expiryMs, this.topic, this.#store.publishVerb];
    return (await this.#run(this.#scripts.beat, [this.#members, this.#sign(member.id)], args)) === 1;
  }

  /** @throws Error for who is no member (any more) */
  async claim(id: MemberId, { key, holder, over }: Claim): Promise<Claimed> {
    const keys = [this.#claim(key), this.#sign(id), this.#claimsOf(id)];
    const from = typeof over === "string" ? [over, ""] : ["holder", over.holder];
    const answer = await this.#run(this.#scripts.claim, keys, [id, holder, ...from, this.#sign("")]);
    const [word, member, previousHolder] = answer as readonly [string, string?, string?];
    if (word === "gone") throw new Error("a member that was given up can claim nothing");
    const previous =
      member === undefined || previousHolder === undefined ? undefined : { member, holder: previousHolder };
    return { isGranted: word === "granted", previous };
  }

  async release(id: MemberId, key: string, holder: string): Promise<void> {
    await this.#run(this.#scripts.release, [this.#claim(key), this.#claimsOf(id)], [holder]);
  }

  /** Frees what a member that is gone had claimed. */
  bury(id: MemberId): Promise<void> {
    return this.#bury(id, "missed");
  }

  /** Says that a member leaves, and frees what it had claimed. */
  leave(id: MemberId): Promise<void> {
    return this.#bury(id, "left");
  }

  async send(topic: string, text: string): Promise<void> {
    await this.#store.shardOf(this.#base).commands.call(this.#store.publishVerb, topic, text);
  }

  async #bury(id: MemberId, word: "left" | "missed"): Promise<void> {
    const keys = [this.#members, this.#sign(id), this.#claimsOf(id)];
    while ((await this.#run(this.#scripts.bury, keys, [id, word, this.topic, this.#store.publishVerb])) === 1);
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

  #sign(id: MemberId): string {
    return `${this.#base}:alive:${id}`;
  }

  #claim(key: string): string {
    return `${this.#base}:claim:${key}`;
  }

  #claimsOf(id: MemberId): string {
    return `${this.#base}:claims:${id}`;
  }
}

/** @param text number, a space, and the state as JSON */
export function parseMember(id: MemberId, text: string): NumberedMember {
  const space = text.indexOf(" ");
  const state = JSON.parse(text.slice(space + 1)) as MemberState;
  return { member: { id, state }, number: Number(text.slice(0, space)) };
}
