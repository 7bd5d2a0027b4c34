import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { RedisStore } from "../../lib/redis/store.ts";
import type { KeyNames } from "./keys.ts";

interface Batch {
  readonly topics: string[];
  readonly done: Promise<void>;
}

/**
 * The channels that this worker listens to. All requests of one turn of the event loop share one command, so that ten
 * thousand joins are not ten thousand round trips.
 */
export class Listening {
  readonly #store: Pick<RedisStore, "subscribe" | "unsubscribe">;
  readonly #keys: KeyNames;
  readonly #channels = new Map<string, ChannelName>();
  #adding: Batch | undefined;
  #removing: Batch | undefined;

  constructor(store: Pick<RedisStore, "subscribe" | "unsubscribe">, keys: KeyNames) {
    this.#store = store;
    this.#keys = keys;
  }

  /** The channel of this topic, if this worker listens to it. */
  channelOf(topic: string): ChannelName | undefined {
    return this.#channels.get(topic);
  }

  /**
   * Resolves once no later publication can be missed.
   * @throws RedisUnreachable; the worker listens to the channel as soon as it has reconnected
   */
  add(channel: ChannelName): Promise<void> {
    const topic = this.#keys.topicOf(channel);
    this.#channels.set(topic, channel);
    this.#adding ??= this.#gather((topics) => {
      this.#adding = undefined;
      // A topic that was removed in the meantime stays away: its UNSUBSCRIBE may be ahead of this command.
      return this.#store.subscribe(topics.filter((it) => this.#channels.has(it)));
    });
    this.#adding.topics.push(topic);
    return this.#adding.done;
  }

  remove(channel: ChannelName): Promise<void> {
    const topic = this.#keys.topicOf(channel);
    if (!this.#channels.delete(topic)) return Promise.resolve();
    this.#removing ??= this.#gather((topics) => {
      this.#removing = undefined;
      // A topic that was added again in the meantime stays: its SUBSCRIBE may be ahead of this command.
      return this.#store.unsubscribe(topics.filter((it) => !this.#channels.has(it)));
    });
    this.#removing.topics.push(topic);
    return this.#removing.done;
  }

  #gather(run: (topics: readonly string[]) => Promise<void>): Batch {
    const topics: string[] = [];
    return { topics, done: Promise.resolve().then(() => run(topics)) };
  }
}
