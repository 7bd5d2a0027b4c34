import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Broker, ChannelDirectory } from "../broker/broker.ts";
import type { ChannelSummary } from "../broker/log.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Interest } from "../delivery/interest.ts";

/** A request to one worker: its channels whose names begin with `prefix` and sort after `after`. */
interface ListRequest {
  readonly prefix: string;
  readonly after: string;
  readonly limit: number;
}

/**
 * The channel directory for a broker that has none: all channels that have subscribers on any worker. A sorted list of all
 * channels with history would have to be maintained across all shards of the store, at a cost for each new channel.
 */
export class ListenedChannels implements ChannelDirectory {
  readonly #interest: Pick<Interest, "get" | "channels">;
  readonly #peers: Pick<Peers, "handle" | "ask">;
  readonly #broker: Pick<Broker, "tops">;

  constructor(
    interest: Pick<Interest, "get" | "channels">,
    peers: Pick<Peers, "handle" | "ask">,
    broker: Pick<Broker, "tops">,
  ) {
    this.#interest = interest;
    this.#peers = peers;
    this.#broker = broker;
    peers.handle("listened-channels", (asked: ListRequest) => this.#here(asked));
  }

  async list(prefix: string, after: string, limit: number): Promise<readonly ChannelSummary[]> {
    const asked = { prefix, after, limit };
    const answers = await this.#peers.ask("listened-channels", asked);
    const elsewhere = answers.flatMap(({ body }) => body as readonly ChannelName[]);
    const channels = Array.from(new Set([...this.#here(asked), ...elsewhere]))
      .sort()
      .slice(0, limit);
    const tops = await this.#broker.tops(channels);
    return channels.flatMap((channel) => {
      const top = tops.get(channel);
      return top === undefined ? [] : [{ channel, top }];
    });
  }

  /** Also knows a channel that has messages and no subscribers, which `list` leaves out. */
  async summary(channel: ChannelName): Promise<ChannelSummary | undefined> {
    const top = (await this.#broker.tops([channel])).get(channel);
    if (top === undefined) return undefined;
    const isKnown = top.offset > 0 || (await this.#isListenedTo(channel));
    return isKnown ? { channel, top } : undefined;
  }

  async #isListenedTo(channel: ChannelName): Promise<boolean> {
    if (this.#interest.get(channel) !== undefined) return true;
    // Names are sorted, so the channel itself comes first among the names that begin with it.
    const [first] = await this.list(channel, "", 1);
    return first?.channel === channel;
  }

  #here({ prefix, after, limit }: ListRequest): readonly ChannelName[] {
    const names: ChannelName[] = [];
    for (const { name } of this.#interest.channels()) if (name > after && name.startsWith(prefix)) names.push(name);
    return names.sort().slice(0, limit);
  }
}
