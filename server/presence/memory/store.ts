import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Clock } from "../../lib/clock.ts";
import { PresenceLedger } from "../ledger.ts";
import type {
  PresenceChange,
  PresencePage,
  PresencePageRequest,
  PresencePosition,
  PresenceStore,
  PresenceStoreEvents,
  PresenceUpdate,
} from "../presence-store.ts";

/** There is one worker. */
const owner = "self";

/** The presences of a server that is one process. */
export class MemoryPresence implements PresenceStore {
  readonly #ledger: PresenceLedger;
  readonly #watched = new Set<ChannelName>();
  #events: PresenceStoreEvents | undefined;

  constructor(clock: Clock) {
    this.#ledger = new PresenceLedger(clock);
  }

  async start(events: PresenceStoreEvents): Promise<void> {
    this.#events = events;
  }

  async apply(channel: ChannelName, changes: readonly PresenceChange[], size: number): Promise<readonly string[]> {
    const { update, unlisted } = this.#ledger.apply(owner, channel, changes, size);
    if (update !== undefined) queueMicrotask(() => this.#announce(channel, update));
    return unlisted;
  }

  async watch(channel: ChannelName): Promise<PresencePosition> {
    this.#watched.add(channel);
    return this.#ledger.positionOf(channel);
  }

  unwatch(channel: ChannelName): void {
    this.#watched.delete(channel);
  }

  async read(channel: ChannelName, page: PresencePageRequest): Promise<PresencePage> {
    return this.#ledger.read(channel, page);
  }

  async close(): Promise<void> {
    this.#events = undefined;
  }

  #announce(channel: ChannelName, update: PresenceUpdate): void {
    this.#events?.onCaused(channel, update);
    if (this.#watched.has(channel)) this.#events?.onEvents(channel, update);
  }
}
