import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { ChannelDirectory } from "../broker/broker.ts";
import type { Peers } from "../cluster/peers.ts";
import type { BusyChannels, ChannelRate, TopChannelsHere } from "../delivery/busy-channels.ts";
import { topOf } from "../lib/top-of.ts";
import type { Occupancy } from "./occupancy.ts";

/** How many channels of each kind are listed: the busiest and the largest. */
const listed = 20;

/** A busy or large channel of the whole server. */
export interface TopChannel extends ChannelRate {
  /** Connections in it, over all workers. */
  readonly subscribers: number;
  /** Publications in its history. Undefined if the broker does not count them, or cannot be asked now. */
  readonly messages?: number | undefined;
}

export interface TopChannelsParts {
  readonly peers: Peers;
  readonly occupancy: Pick<Occupancy, "counts">;
  readonly directory: Pick<ChannelDirectory, "summary">;
  readonly busy: BusyChannels;
}

/** The channels of the whole server with the most publications per second and with the most subscribers. */
export class TopChannels {
  readonly #parts: TopChannelsParts;

  constructor(parts: TopChannelsParts) {
    this.#parts = parts;
    parts.peers.handle("top-channels", () => parts.busy.top(listed));
  }

  /**
   * Busiest first. Channels without subscribers are not counted, because no worker receives their publications.
   * @throws ServiceError "broker-unavailable" while the other workers cannot be reached
   */
  async read(): Promise<readonly TopChannel[]> {
    const answers = await this.#parts.peers.askAll("top-channels", null);
    const tops = answers.flatMap(({ body }) => (body === null ? [] : [body as TopChannelsHere]));
    // Every worker that listens to a channel receives all its publications, so the rates are not added up.
    const rates = new Map<ChannelName, number>();
    for (const { channel, messages_per_s: rate } of tops.flatMap(({ busiest }) => busiest)) {
      rates.set(channel, Math.max(rate, rates.get(channel) ?? 0));
    }
    const busiest = topOf(rates.keys(), listed, (it) => rates.get(it) ?? 0);
    const candidates = [...new Set([...busiest, ...tops.flatMap(({ largest }) => largest)])];
    const counts = await this.#parts.occupancy.counts(candidates);
    const countOf = new Map(candidates.map((it, index) => [it, counts[index] ?? 0]));
    const largest = topOf(candidates, listed, (it) => countOf.get(it) ?? 0);
    return Promise.all(
      [...new Set([...busiest, ...largest])].map(async (channel) => ({
        channel,
        messages_per_s: rates.get(channel) ?? 0,
        subscribers: countOf.get(channel) ?? 0,
        messages: await this.#messagesOf(channel),
      })),
    );
  }

  async #messagesOf(channel: ChannelName): Promise<number | undefined> {
    try {
      return (await this.#parts.directory.summary(channel))?.messages;
    } catch (error) {
      if (error instanceof ServiceError) return undefined; // the other figures are known all the same
      throw error;
    }
  }
}
