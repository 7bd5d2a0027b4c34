import type { Client, ClientError, Gap, Message } from "../../client/index.ts";
import { type ChannelName, everyone } from "../../protocol/channel-name.ts";
import type { PresentUsers } from "./channel-list.ts";
import type { DataText } from "./data-text.ts";

/** Callbacks of the memberships to the page. */
export interface MembershipEvents {
  onMessage(message: Message<DataText | undefined>): void;
  onGap(channel: ChannelName, gap: Gap): void;
  /** The channel was refused and has been removed. */
  onRefused(channel: ChannelName, error: ClientError): void;
  /** @param here undefined if it is not known, for example in channels without presence */
  onPresence(channel: ChannelName, here: PresentUsers | undefined): void;
}

/** The channels this page is subscribed to. */
export class Memberships {
  readonly #client: Pick<Client, "channel" | "state">;
  readonly #events: MembershipEvents;
  /** Functions that remove the handlers, by channel. */
  readonly #offs = new Map<ChannelName, readonly (() => void)[]>();
  /** Channels with a presence request in flight. */
  readonly #asked = new Set<ChannelName>();

  constructor(client: Pick<Client, "channel" | "state">, events: MembershipEvents) {
    this.#client = client;
    this.#events = events;
  }

  get channels(): readonly ChannelName[] {
    return [...this.#offs.keys()];
  }

  /** @returns false if the channel is already joined */
  join(channel: ChannelName): boolean {
    if (this.#offs.has(channel)) return false;
    const feed = this.#client.channel<unknown, DataText | undefined>(channel);
    this.#offs.set(channel, [
      feed.on("message", (message) => this.#events.onMessage(message)),
      feed.on("gap", (gap) => this.#events.onGap(channel, gap)),
      feed.on("error", (error) => {
        this.leave(channel);
        this.#events.onRefused(channel, error);
      }),
    ]);
    return true;
  }

  leave(channel: ChannelName): void {
    for (const off of this.#offs.get(channel) ?? []) off();
    this.#offs.delete(channel);
  }

  /**
   * Asks who is in the plain channels. Does nothing without a connection, or the requests would pile up. The header shows
   * the count of `all`, and a personal channel has no other users.
   */
  refresh(): void {
    if (this.#client.state.status !== "connected") return;
    for (const channel of this.channels) {
      if (channel !== everyone && !channel.startsWith("@") && !this.#asked.has(channel)) void this.#ask(channel);
    }
  }

  async #ask(channel: ChannelName): Promise<void> {
    this.#asked.add(channel);
    const here = await this.#client
      .channel(channel)
      .presence()
      .catch(() => undefined);
    this.#asked.delete(channel);
    // This page is in the channel itself, so a count of 0 means that presence is not recorded.
    const isKnown = here !== undefined && here.count > 0;
    this.#events.onPresence(channel, isKnown ? here : undefined);
  }
}
