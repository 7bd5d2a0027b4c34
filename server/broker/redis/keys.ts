import type { ChannelName } from "../../../protocol/channel-name.ts";
import { slotTag } from "../../lib/redis/slot-tag.ts";
import { topicPrefix } from "../../lib/redis/topic-prefix.ts";

/** The names of one channel in Redis. All are in one hash slot, which the text between the braces selects. */
export interface ChannelKeys {
  readonly record: string;
  readonly messages: string;
  /** Publications are sent on this topic. */
  readonly topic: string;
  /** The key that remembers an id chosen by a publisher. */
  id(id: string): string;
}

/** Names of keys and topics: `fanfare:{room:1}:record`, `fanfare:{room:1}:messages`, `fanfare:{room:1}:id:o-42`. */
export class KeyNames {
  readonly #prefix: string;
  readonly #topicPrefix: string;

  /** @param db the number of the database */
  constructor(prefix: string, db: number) {
    this.#prefix = prefix;
    this.#topicPrefix = topicPrefix(prefix, db);
  }

  of(channel: ChannelName): ChannelKeys {
    const slot = slotTag(channel);
    const base = `${this.#prefix}:${slot}`;
    return {
      record: `${base}:record`,
      messages: `${base}:messages`,
      topic: `${this.#topicPrefix}:${slot}`,
      id: (id) => `${base}:id:${id}`,
    };
  }

  topicOf(channel: ChannelName): string {
    return `${this.#topicPrefix}:${slotTag(channel)}`;
  }

  /** A key that belongs to no channel: `fanfare/server`. Keys of channels have a colon in place of the slash. */
  own(name: string): string {
    return `${this.#prefix}/${name}`;
  }

  /** A topic that belongs to no channel: `fanfare/talk`. */
  ownTopic(name: string): string {
    return `${this.#topicPrefix}/${name}`;
  }
}
