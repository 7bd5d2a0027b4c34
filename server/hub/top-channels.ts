import type { Peers } from "../cluster/peers.ts";
import type { BusyChannels, ChannelRate } from "../delivery/busy-channels.ts";
import type { Occupancy } from "./occupancy.ts";

/** How many channels are listed. */
const listed = 20;

/** A busy channel of the whole server. */
export interface TopChannel extends ChannelRate {
  /** Connections in it, over all workers. */
  readonly subscribers: number;
}

/** The channels of the whole server with the most publications per second, among those that have subscribers. */
export class TopChannels {
  readonly #peers: Peers;
  readonly #occupancy: Pick<Occupancy, "counts">;

  constructor(peers: Peers, occupancy: Pick<Occupancy, "counts">, busy: BusyChannels) {
    this.#peers = peers;
    this.#occupancy = occupancy;
    peers.handle("busy-channels", () => busy.top(listed));
  }

  /** Busiest first. @throws ServiceError "broker-unavailable" while the other workers cannot be asked */
  async read(): Promise<readonly TopChannel[]> {
    const answers = await this.#peers.askAll("busy-channels", null);
    // Every worker that listens to a channel receives all its publications, so the rates are not added up.
    const rates = new Map<ChannelRate["channel"], number>();
    for (const { body } of answers) {
      for (const { channel, messages_per_s: rate } of (body ?? []) as readonly ChannelRate[]) {
        rates.set(channel, Math.max(rate, rates.get(channel) ?? 0));
      }
    }
    const top = [...rates].toSorted(([, a], [, b]) => b - a).slice(0, listed);
    const counts = await this.#occupancy.counts(top.map(([channel]) => channel));
    return top.map(([channel, rate], index) => ({ channel, messages_per_s: rate, subscribers: counts[index] ?? 0 }));
  }
}
