import { type ChannelName, userOf } from "../../protocol/channel-name.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Interest } from "../delivery/interest.ts";
import { keyOf } from "../presence/page-key.ts";
import type { Presence, PresencePageRequest } from "../presence/presence-store.ts";
import { presenceUnavailable } from "../presence/unavailable.ts";
import { firstPresences } from "./first-presences.ts";
import type { ReadPage } from "./presence-answer.ts";

/** A request to one worker. */
interface MembersRequest extends PresencePageRequest {
  readonly channel: ChannelName;
}

interface MembersAnswer {
  readonly count: number;
  readonly presences: readonly Presence[];
}

/** A message that was published to one user. */
export interface Sent {
  readonly userId: string;
  /** See Published. */
  readonly listeners: number | undefined;
}

/** Who is in which channel, over all workers of the server. */
export class Occupancy {
  readonly #interest: Pick<Interest, "get">;
  readonly #peers: Peers;

  constructor(interest: Pick<Interest, "get">, peers: Peers) {
    this.#interest = interest;
    this.#peers = peers;
    peers.handle("connected", (users: readonly string[]) => users.filter((it) => peers.roster.hasOwn(it)));
    peers.handle("channel-counts", (channels: readonly ChannelName[]) => channels.map((it) => this.#countHere(it)));
    peers.handle("channel-members", (asked: MembersRequest) => this.#here(asked));
  }

  /**
   * Whether the user whose channel this is has a connection now. Hot path: synchronous unless another worker must be asked.
   * @param listeners see Published
   */
  isConnected(channel: ChannelName, listeners: number | undefined): boolean | Promise<boolean> {
    if (listeners === 0) return false;
    if (this.hasMember(channel)) return true;
    const userId = userOf(channel) ?? "";
    if (this.#peers.roster.isConnected(userId)) return true;
    return this.connected([{ userId, listeners }]).then((users) => users.has(userId));
  }

  /**
   * Whether a connection of this worker is in the channel. If it is a user's, that is one of the user's connections: nobody else
   * may join. Right after a publication, the channel is found faster than the user.
   */
  hasMember(channel: ChannelName): boolean {
    return this.#interest.get(channel)?.isEmpty === false;
  }

  /**
   * Which of these users have a connection now. A message that no worker listened for reached nobody, so it needs no lookup.
   * Reports of other workers are some milliseconds old, and a channel stays listened to for a while after its last
   * member has left. So users that are not known to be connected are looked up on the other workers.
   */
  async connected(sent: readonly Sent[]): Promise<ReadonlySet<string>> {
    const { roster } = this.#peers;
    const known = new Set<string>();
    const unknown = new Set<string>();
    for (const { userId, listeners } of sent) {
      if (listeners !== 0) (roster.isConnected(userId) ? known : unknown).add(userId);
    }
    if (unknown.size === 0) return known;
    const answers = await this.#peers.ask("connected", Array.from(unknown));
    for (const { body } of answers) for (const userId of body as readonly string[]) known.add(userId);
    return known;
  }

  /**
   * The number of connections in each of these channels, in the same order. Takes constant time per channel and worker.
   * @throws ServiceError "broker-unavailable" while the other workers cannot be reached
   */
  async counts(channels: readonly ChannelName[]): Promise<readonly number[]> {
    this.#checkConnected();
    const answers = await this.#peers.ask("channel-counts", channels);
    const elsewhere = answers.map(({ body }) => body as readonly number[]);
    return channels.map((it, index) => sum([this.#countHere(it), ...elsewhere.map((counts) => counts[index] ?? 0)]));
  }

  /** A page of the connections in a channel, in the order of their keys. @throws like `counts`, and if a worker does not answer */
  async read(channel: ChannelName, page: PresencePageRequest): Promise<ReadPage> {
    const asked: MembersRequest = { channel, ...page };
    this.#checkConnected();
    const { answers, isComplete } = await this.#peers.askForAll("channel-members", asked);
    if (!isComplete) throw presenceUnavailable("a worker does not answer");
    const pages = [this.#here(asked), ...answers.map(({ body }) => body as MembersAnswer)];
    const presences = pages.flatMap((it) => it.presences).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const count = sum(pages.map((it) => it.count));
    return { count, presences: presences.slice(0, page.limit), hasMore: presences.length > page.limit };
  }

  /** Without a membership this worker knows only of itself, and would tell something wrong. */
  #checkConnected(): void {
    if (this.#peers.isCutOff) throw presenceUnavailable("the other workers cannot be reached");
  }

  #countHere(channel: ChannelName): number {
    const found = this.#interest.get(channel);
    return found === undefined ? 0 : found.level.length + found.lagging.size;
  }

  /** One more than the page holds, so that merging can tell whether there is a next page. */
  #here({ channel, after, limit }: MembersRequest): MembersAnswer {
    const members = this.#interest.get(channel)?.members() ?? [];
    return { count: this.#countHere(channel), presences: firstPresences(members, after, limit + 1) };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, it) => total + it, 0);
}
