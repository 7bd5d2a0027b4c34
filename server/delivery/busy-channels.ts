import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Clock } from "../lib/clock.ts";
import type { Interest } from "./interest.ts";

/** A shorter period would make the rates jump. Milliseconds. */
const minPeriodMs = 2000;

/** How much is published to a channel, as far as this worker listens to it. */
export interface ChannelRate {
  readonly channel: ChannelName;
  readonly messages_per_s: number;
}

/**
 * The channels of this worker with the most publications per second. Nothing runs until someone asks: the rates are those since
 * the question before, and several who ask at the same time share an answer.
 */
export class BusyChannels {
  readonly #interest: Pick<Interest, "channels">;
  readonly #clock: Pick<Clock, "monotonic">;
  #askedAt: number;
  #answer: readonly ChannelRate[] = [];

  constructor(interest: Pick<Interest, "channels">, clock: Pick<Clock, "monotonic">) {
    this.#interest = interest;
    this.#clock = clock;
    this.#askedAt = clock.monotonic();
  }

  /** Busiest first. Channels without publications are left out. */
  top(count: number): readonly ChannelRate[] {
    const now = this.#clock.monotonic();
    const seconds = (now - this.#askedAt) / 1000;
    if (seconds * 1000 >= minPeriodMs) {
      this.#askedAt = now;
      this.#answer = this.#measure(seconds, count);
    }
    return this.#answer.slice(0, count);
  }

  #measure(seconds: number, count: number): readonly ChannelRate[] {
    const rates: ChannelRate[] = [];
    for (const { name, tail } of this.#interest.channels()) {
      const received = tail.takeReceived();
      if (received > 0) rates.push({ channel: name, messages_per_s: Math.round((received / seconds) * 10) / 10 });
    }
    return rates.toSorted((a, b) => b.messages_per_s - a.messages_per_s).slice(0, count);
  }
}
