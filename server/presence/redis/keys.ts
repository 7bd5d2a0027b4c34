import type { ChannelName } from "../../../protocol/channel-name.ts";
import { slotTag } from "../../lib/redis/slot-tag.ts";
import { topicPrefix } from "../../lib/redis/topic-prefix.ts";

/**
 * Names of keys and topics. All keys of a channel are in one slot: `fanfare:{room:1}:presence`,
 * `fanfare:{room:1}:presence:of:m8Xk`. So is the list of the channels of an owner: `fanfare/{presence-m8Xk}:channels`.
 */
export class PresenceKeys {
  readonly #prefix: string;
  readonly #topicPrefix: string;

  /** @param db the number of the database */
  constructor(prefix: string, db: number) {
    this.#prefix = prefix;
    this.#topicPrefix = topicPrefix(prefix, db);
  }

  /** The first four keys of the scripts, see apply.lua. */
  of(channel: ChannelName): readonly [position: string, entries: string, keys: string, released: string] {
    const base = `${this.#prefix}:${slotTag(channel)}:presence`;
    return [base, `${base}:entries`, `${base}:keys`, `${base}:released`];
  }

  /** The connections of an owner in a channel. */
  connectionsOf(channel: ChannelName, owner: string): string {
    return `${this.#prefix}:${slotTag(channel)}:presence:of:${owner}`;
  }

  topicOf(channel: ChannelName): string {
    return `${this.#topicPrefix}:${slotTag(channel)}:presence`;
  }

  /** The channels in which an owner has presences. */
  channelsOf(owner: string): string {
    return `${this.#prefix}/{presence-${owner}}:channels`;
  }

  /** The beginning of the topics that exist once per primary. */
  get topicBase(): string {
    return `${this.#topicPrefix}/presence`;
  }

  /** The beginning of the keys that exist once per primary; see RedisStore.keyAt. */
  get base(): string {
    return `${this.#prefix}/presence`;
  }
}
