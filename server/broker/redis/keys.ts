import type { ChannelName } from "../../../protocol/channel-name.ts";

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
  readonly #topicStart: string;

  constructor(prefix: string) {
    this.#prefix = prefix;
    this.#topicStart = `${prefix}:{`;
  }

  of(channel: ChannelName): ChannelKeys {
    const base = `${this.#topicStart}${encode(channel)}}`;
    return {
      record: `${base}:record`,
      messages: `${base}:messages`,
      topic: base,
      id: (id) => `${base}:id:${id}`,
    };
  }

  topicOf(channel: ChannelName): string {
    return `${this.#topicStart}${encode(channel)}}`;
  }

  /** What is no channel's: `fanfare/watch`. No channel's key looks like it, since those have a colon here. */
  own(name: string): string {
    return `${this.#prefix}/${name}`;
  }
}

/** Braces would end the part that the slot is computed from; `%` keeps the names apart. */
function encode(channel: ChannelName): string {
  return /[{}%]/.test(channel)
    ? channel.replace(/[{}%]/g, (it) => (it === "{" ? "%7B" : it === "}" ? "%7D" : "%25"))
    : channel;
}
