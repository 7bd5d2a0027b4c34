import { type ChannelName, isServerChannel, userOf } from "../../protocol/channel-name.ts";
import type { Clock } from "../lib/clock.ts";
import { topOf } from "../lib/top-of.ts";
import type { Interest } from "./interest.ts";
import type { ListenedChannel } from "./listened-channel.ts";

/** A shorter period would make the rates jump. Milliseconds. */
const minPeriodMs = 2000;

/** How much is published to a channel, as far as this worker listens to it. */
export interface ChannelRate {
  readonly channel: ChannelName;
  readonly messages_per_s: number;
}

/** The busiest and the largest channels of this worker. */
export interface TopChannelsHere {
  /** With the most publications per second. Channels without any are left out. */
  readonly busiest: readonly ChannelRate[];
  /** With the most subscribers. The channels of users are left out, because each connected user has one. */
  readonly largest: readonly ChannelName[];
}

/**
 * The channels of this worker with the most publications per second, and with the most subscribers. Nothing runs without a
 * request: the rates are those since the previous request, and requests at the same time share an answer.
 */
export class BusyChannels {
  readonly #interest: Pick<Interest, "channels">;
  readonly #clock: Pick<Clock, "monotonic">;
  #askedAt: number;
  #answer: TopChannelsHere = { busiest: [], largest: [] };

  constructor(interest: Pick<Interest, "channels">, clock: Pick<Clock, "monotonic">) {
    this.#interest = interest;
    this.#clock = clock;
    this.#askedAt = clock.monotonic();
  }

  /** Highest first. @param count the most channels of each kind, always the same */
  top(count: number): TopChannelsHere {
    const now = this.#clock.monotonic();
    const seconds = (now - this.#askedAt) / 1000;
    if (seconds * 1000 >= minPeriodMs) {
      this.#askedAt = now;
      this.#answer = this.#measure(seconds, count);
    }
    return this.#answer;
  }

  #measure(seconds: number, count: number): TopChannelsHere {
    const rates: ChannelRate[] = [];
    const shared: ListenedChannel[] = [];
    for (const channel of this.#interest.channels()) {
      const { name, tail } = channel;
      const received = tail.takeReceived();
      if (received > 0) rates.push({ channel: name, messages_per_s: Math.round((received / seconds) * 10) / 10 });
      if (!channel.isEmpty && userOf(name) === undefined && !isServerChannel(name)) shared.push(channel);
    }
    return {
      busiest: topOf(rates, count, (it) => it.messages_per_s),
      largest: topOf(shared, count, ({ level, lagging }) => level.length + lagging.size).map(({ name }) => name),
    };
  }
}
