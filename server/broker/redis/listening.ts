import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import type { KeyNames } from "./keys.ts";

interface Batch {
  readonly topics: string[];
  readonly done: Promise<void>;
}

/**
 * Which channels this worker is sent. What is asked for in one turn of the loop is one command, so that ten thousand
 * joins are not ten thousand round trips.
 */
export class Listening {
  readonly #store: RedisStore;
  readonly #keys: KeyNames;
  readonly #channels = new Map<string, ChannelName>();
  #coming: Batch | undefined;
  #going: Batch | undefined;

  constructor(store: RedisStore, keys: KeyNames) {
    this.#store = store;
    this.#keys = keys;
  }

  /** The channel that is sent on this topic, if it is listened to. */
  channelOf(topic: string): ChannelName | undefined {
    return this.#channels.get(topic);
  }

  /** Resolves once nothing that is published later can be missed. @throws RedisUnreachable; it is listened to soon then */
  add(channel: ChannelName): Promise<void> {
    const topic = this.#keys.topicOf(channel);
    this.#channels.set(topic, channel);
    this.#coming ??= this.#gather((topics) => {
      this.#coming = undefined;
      return this.#store.subscribe(topics);
    });
    this.#coming.topics.push(topic);
    return this.#coming.done;
  }

  remove(channel: ChannelName): Promise<void> {
    const topic = this.#keys.topicOf(channel);
    if (!this.#channels.delete(topic)) return Promise.resolve();
    this.#going ??= this.#gather((topics) => {
      this.#going = undefined;
      // One that is wanted again meanwhile stays: its SUBSCRIBE may be ahead of this.
      return this.#store.unsubscribe(topics.filter((it) => !this.#channels.has(it)));
    });
    this.#going.topics.push(topic);
    return this.#going.done;
  }

  #gather(run: (topics: readonly string[]) => Promise<void>): Batch {
    const topics: string[] = [];
    return { topics, done: Promise.resolve().then(() => run(topics)) };
  }
}
