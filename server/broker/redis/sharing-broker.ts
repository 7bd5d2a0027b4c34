import { type ChannelName, everyone } from "../../../protocol/channel-name.ts";
import type { Position, Since } from "../../../protocol/position.ts";
import type { Draft } from "../../../protocol/publication.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Broker, BrokerEvents, Published } from "../broker.ts";
import { costOf } from "../cost-of.ts";
import type { History, HistoryRules, ReadOptions } from "../log.ts";
import { type ClientShareLimits, ClientShares } from "./client-shares.ts";

/** A broker in which no client stores more than its share. What API keys and the server publish is not limited. */
export class SharingBroker implements Broker {
  readonly #inner: Broker;
  readonly #shares: ClientShares;

  constructor(inner: Broker, limits: ClientShareLimits, clock: Pick<Clock, "monotonic">) {
    this.#inner = inner;
    this.#shares = new ClientShares(limits, clock);
  }

  start(events: BrokerEvents): Promise<void> {
    return this.#inner.start(events);
  }

  /** Rejects also with ServiceError "rate-limited" or "too-many-channels" if it is more than the client's share. */
  async publish(draft: Draft, rules: HistoryRules): Promise<Published> {
    const { channel, publisher, ephemeral = false } = draft;
    if (publisher !== undefined && !ephemeral) this.#shares.charge(publisher, channel, costOf(draft), rules);
    return this.#inner.publish(draft, rules);
  }

  async listen(channel: ChannelName, publisher?: string): Promise<Position> {
    this.#use(channel, publisher);
    return this.#inner.listen(channel);
  }

  unlisten(channel: ChannelName): Promise<void> {
    return this.#inner.unlisten(channel);
  }

  async history(channel: ChannelName, since: Since, options: ReadOptions): Promise<History> {
    this.#use(channel, options.publisher);
    return this.#inner.history(channel, since, options);
  }

  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    return this.#inner.tops(channels, seen);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** @throws ServiceError "too-many-channels" */
  #use(channel: ChannelName, publisher: string | undefined): void {
    // A connection is never refused because of the channels that it is in by itself.
    const isOwn = channel === everyone || channel.startsWith("@");
    if (publisher !== undefined && !isOwn) this.#shares.charge(publisher, channel, 0, undefined);
  }
}
