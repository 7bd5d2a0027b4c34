import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { textBytes } from "../lib/own-text.ts";
import type { Arrival } from "./presence-store.ts";

/**
 * The places that this worker's connections have in the presences of all channels together, counted in bytes of memory. A
 * connection without a place is not listed, unless it takes over a presence.
 *
 * Invariant: `bytes` exceeds the limit only by presences that were taken over. Each of those had a place before, in this
 * worker or in another one.
 */
export class PresencePlaces {
  readonly #maxBytes: number;
  readonly #costs = new Map<ChannelName, Map<string, number>>();
  #bytes = 0;
  #isWarned = false;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether there is room for a small presence. */
  get hasRoom(): boolean {
    return this.#bytes + channelBytes + presenceBytes <= this.#maxBytes;
  }

  /** Gives the connection a place if it has none and there is room. @returns whether it has one */
  take(channel: ChannelName, arrival: Arrival): boolean {
    if (this.#costs.get(channel)?.has(arrival.holder) === true) return true;
    if (this.#bytes + this.#cost(channel, arrival) > this.#maxBytes) {
      this.#warn();
      return false;
    }
    this.add(channel, arrival);
    return true;
  }

  /** The connection is listed: it has a place even if there was no room. */
  add(channel: ChannelName, arrival: Arrival): void {
    let costs = this.#costs.get(channel);
    if (costs?.has(arrival.holder) === true) return;
    this.#bytes += this.#cost(channel, arrival);
    if (costs === undefined) {
      costs = new Map();
      this.#costs.set(channel, costs);
    }
    costs.set(arrival.holder, costOf(arrival));
  }

  free(channel: ChannelName, holder: string): void {
    const costs = this.#costs.get(channel);
    const cost = costs?.get(holder);
    if (costs === undefined || cost === undefined) return;
    costs.delete(holder);
    this.#bytes -= cost;
    if (costs.size === 0) {
      this.#costs.delete(channel);
      this.#bytes -= channelCost(channel);
    }
    if (this.#bytes < 0.9 * this.#maxBytes) this.#isWarned = false;
  }

  #cost(channel: ChannelName, arrival: Arrival): number {
    return costOf(arrival) + (this.#costs.has(channel) ? 0 : channelCost(channel));
  }

  #warn(): void {
    if (this.#isWarned) return;
    this.#isWarned = true;
    getLogger(["fanfare", "presence"]).warning(
      "The presences of this process take {bytes} bytes, as many as PRESENCE_BYTES allows. Further connections are not listed",
      { bytes: this.#bytes },
    );
  }
}

/** Twice the texts: with workers, the worker and the supervisor hold a copy each. */
function costOf({ userId, info }: Arrival): number {
  const texts = (userId === undefined ? 0 : textBytes(userId)) + (info === undefined ? 0 : textBytes(info));
  return presenceBytes + 2 * texts;
}

function channelCost(channel: ChannelName): number {
  return channelBytes + textBytes(channel);
}

/** Its objects in the tracker and in the ledger, and garbage: measured as 1290, with a short user id, in channels of 100 and 10 000. */
const presenceBytes = 1150;
/** The maps and lists of a channel: measured as 1600 more where each connection has a channel of its own. */
const channelBytes = 1500;
