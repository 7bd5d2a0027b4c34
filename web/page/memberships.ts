import type { Client, ClientError, Gap, Message } from "../../client/index.ts";
import { type ChannelName, everyone } from "../../protocol/channel-name.ts";
import type { Here } from "./channel-list.ts";

/** Whom the memberships tell. */
export interface MembershipEvents {
  onMessage(message: Message): void;
  onGap(channel: ChannelName, gap: Gap): void;
  /** The channel was refused, and is not a membership any more. */
  onRefused(channel: ChannelName, error: ClientError): void;
  /** @param here undefined where it is not known, such as in channels that keep no presence */
  onPresence(channel: ChannelName, here: Here | undefined): void;
}

/** The channels that this page listens to. */
export class Memberships {
  readonly #client: Pick<Client, "channel" | "state">;
  readonly #events: MembershipEvents;
  /** What takes the handlers away again. */
  readonly #offs = new Map<ChannelName, readonly (() => void)[]>();
  /** Those whose presence was asked for and is not known yet. */
  readonly #asked = new Set<ChannelName>();

  constructor(client: Pick<Client, "channel" | "state">, events: MembershipEvents) {
    this.#client = client;
    this.#events = events;
  }

  get channels(): readonly ChannelName[] {
    return [...this.#offs.keys()];
  }

  /** @returns false for a channel that we are in already */
  join(channel: ChannelName): boolean {
    if (this.#offs.has(channel)) return false;
    const feed = this.#client.channel(channel);
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
   * Asks who is in the plain channels; without a connection nobody is asked, or the questions would pile up. The header has
   * the number of everyone, and one's own channel holds nobody else.
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
    // We are there ourselves: where nobody is, nobody counts.
    const isKnown = here !== undefined && here.count > 0;
    this.#events.onPresence(channel, isKnown ? here : undefined);
  }
}
