import type { ChannelName } from "../../../protocol/channel-name.ts";
import { topicPrefix } from "../../lib/redis/topic-prefix.ts";

/** The names of one channel in Redis: all in one hash slot, by what stands between the braces. */
export interface ChannelKeys {
  readonly record: string;
  readonly messages: string;
  /** What publications are sent on. */
  readonly topic: string;
  /** Where an id that a publisher chose is remembered. */
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
    const slot = `{${encode(channel)}}`;
    const base = `${this.#prefix}:${slot}`;
    return {
      record: `${base}:record`,
      messages: `${base}:messages`,
      topic: `${this.#topicPrefix}:${slot}`,
      id: (id) => `${base}:id:${id}`,
    };
  }

  topicOf(channel: ChannelName): string {
    return `${this.#topicPrefix}:{${encode(channel)}}`;
  }

  /** A key that is no channel's: `fanfare/server`. No channel's key looks like it, since those have a colon here. */
  own(name: string): string {
    return `${this.#prefix}/${name}`;
  }

  /** A topic that is no channel's: `fanfare/talk`. */
  ownTopic(name: string): string {
    return `${this.#topicPrefix}/${name}`;
  }
}

/** Braces would end the part that the slot is computed from; `%` keeps the names apart. */
function encode(channel: ChannelName): string {
  return /[{}%]/.test(channel)
    ? channel.replace(/[{}%]/g, (it) => (it === "{" ? "%7B" : it === "}" ? "%7D" : "%25"))
    : channel;
}
