import type { ChannelName } from "../../../protocol/channel-name.ts";
import { ServiceError } from "../../../protocol/errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { OldestFirst } from "../../lib/oldest-first.ts";
import { ownText } from "../../lib/own-text.ts";
import type { HistoryRules } from "../log.ts";

export interface ClientShareLimits {
  /** Bytes of stored messages that one client may have, by `costOf`. */
  readonly maxBytes: number;
  readonly maxChannels: number;
  /** How long a channel is known after it was used last, milliseconds. */
  readonly channelTtlMs: number;
  /** Entries of all clients, about 250 bytes each. Beyond that, those that were not used for longest are forgotten. */
  readonly maxEntries: number;
}

/** The share of one client in one channel. */
interface Holding {
  bytes: number;
  /** When its messages have expired. */
  bytesUntil: number;
  /** When the channel is forgotten. */
  until: number;
}

interface Client {
  readonly holdings: Map<ChannelName, Holding>;
  /** Its channels, once some of them had to be forgotten. */
  oldest: OldestFirst<ChannelName> | undefined;
  bytes: number;
}

/**
 * Bounds what one client stores in Redis: messages and channels. Redis does not know which client wrote a message, so this
 * worker counts the messages of its own clients.
 *
 * The count is an upper bound: in a channel a client has at most what the channel's rules keep, and nothing
 * once its last message there has expired. A client that moves between workers has a share in each.
 */
export class ClientShares {
  readonly #limits: ClientShareLimits;
  readonly #clock: Pick<Clock, "monotonic">;
  /** By publisher, the least recently active first. */
  readonly #clients = new Map<string, Client>();
  readonly #oldestClients = new OldestFirst(this.#clients);
  /** The client whose channels are forgotten first. */
  #oldest: string | undefined;
  #entries = 0;

  constructor(limits: ClientShareLimits, clock: Pick<Clock, "monotonic">) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Channels that are counted, of all clients. */
  get entries(): number {
    return this.#entries;
  }

  /**
   * A client stores a message, or uses a channel (0 bytes).
   * @throws ServiceError "rate-limited" or "too-many-channels" if that is more than its share; then nothing is counted
   */
  charge(publisher: string, channel: ChannelName, bytes: number, rules: HistoryRules | undefined): void {
    const now = this.#clock.monotonic();
    const { maxBytes, maxChannels, channelTtlMs } = this.#limits;
    const client = this.#clientOf(publisher);
    const known = client.holdings.get(channel);
    const before = known === undefined || known.bytesUntil <= now ? 0 : known.bytes;
    const kept = rules === undefined || rules.historySize === 0 ? before : Math.min(before + bytes, rules.historyBytes);
    if (known === undefined && client.holdings.size >= maxChannels) this.#expire(client, now);
    if (known === undefined && client.holdings.size >= maxChannels) {
      throw new ServiceError(
        "too-many-channels",
        `this user has ${maxChannels} channels, which is its share (CLIENT_SHARE)`,
      );
    }
    const total = () => client.bytes - (known?.bytes ?? 0) + kept;
    if (total() > maxBytes && kept > before) this.#expire(client, now);
    if (total() > maxBytes && kept > before) {
      const message = "the stored messages of this user take all of its share: wait until older ones expire";
      throw new ServiceError("rate-limited", message, { retryAfterMs: 5000 });
    }
    client.bytes = total();
    if (known === undefined) this.#entries++;
    client.holdings.delete(channel); // to the end: the least recently used is the first
    client.holdings.set(known === undefined ? (ownText(channel) as ChannelName) : channel, {
      bytes: kept,
      bytesUntil: rules === undefined ? (known?.bytesUntil ?? now) : now + rules.historyTtl,
      until: now + Math.max(channelTtlMs, rules?.historyTtl ?? 0),
    });
    if (this.#entries > this.#limits.maxEntries) this.#forgetOldest();
  }

  #clientOf(publisher: string): Client {
    const client = this.#clients.get(publisher) ?? { holdings: new Map(), oldest: undefined, bytes: 0 };
    this.#clients.delete(publisher);
    this.#clients.set(publisher, client);
    if (this.#oldest === publisher) this.#oldest = undefined;
    return client;
  }

  /** Linear in the channels of one client, and called only when it is at its limit. */
  #expire(client: Client, now: number): void {
    for (const [channel, holding] of client.holdings) {
      if (holding.bytesUntil <= now) {
        client.bytes -= holding.bytes;
        holding.bytes = 0;
      }
      if (holding.until > now) continue;
      client.holdings.delete(channel);
      this.#entries--;
    }
  }

  #forgetOldest(): void {
    this.#oldest ??= this.#oldestClients.next();
    const publisher = this.#oldest;
    const client = publisher === undefined ? undefined : this.#clients.get(publisher);
    if (publisher === undefined || client === undefined) return;
    client.oldest ??= new OldestFirst(client.holdings);
    const channel = client.oldest.next();
    if (channel !== undefined) {
      client.bytes -= client.holdings.get(channel)?.bytes ?? 0;
      client.holdings.delete(channel);
      this.#entries--;
    }
    if (client.holdings.size > 0) return;
    this.#clients.delete(publisher);
    this.#oldest = undefined;
  }
}
