import type { ChannelName } from "../../protocol/channel-name.ts";
import { limits } from "../../protocol/limits.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Interest } from "../delivery/interest.ts";
import { firstUsers } from "./first-users.ts";

/** Who is in a channel: the number of connections, and a page of the users. */
export interface Presence {
  /** Number of connections. */
  readonly count: number;
  /** Without duplicates, sorted by code unit; at most `limits.presenceUsers`. */
  readonly users: readonly string[];
  /** The `after` of the next page; undefined on the last one. */
  readonly next: string | undefined;
}

/** A request to one worker: the users after this one, "" for the first page. */
interface UsersRequest {
  readonly channel: ChannelName;
  readonly after: string;
}

type UsersAnswer = Omit<Presence, "next">;

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
    peers.handle("channel-users", (asked: UsersRequest) => this.#here(asked));
  }

  /**
   * Which of these users have a connection now. A message that no worker listened for reached nobody, so it needs no lookup.
   * What other workers have reported is some milliseconds old, and a channel stays listened to for a while after its last
   * member has left. So users that are not known to be connected are looked up on the other workers.
   */
  async connected(sent: readonly Sent[]): Promise<ReadonlySet<string>> {
    const { roster } = this.#peers;
    const users = Array.from(new Set(sent.filter(({ listeners }) => listeners !== 0).map(({ userId }) => userId)));
    const known = users.filter((it) => roster.isConnected(it));
    if (known.length === users.length) return new Set(known);
    const unknown = users.filter((it) => !roster.isConnected(it));
    const answers = await this.#peers.ask("connected", unknown);
    return new Set([...known, ...answers.flatMap(({ body }) => body as readonly string[])]);
  }

  /** The number of connections in each of these channels, in the same order. Takes constant time per channel and worker. */
  async counts(channels: readonly ChannelName[]): Promise<readonly number[]> {
    const answers = await this.#peers.ask("channel-counts", channels);
    const elsewhere = answers.map(({ body }) => body as readonly number[]);
    return channels.map((it, index) => sum([this.#countHere(it), ...elsewhere.map((counts) => counts[index] ?? 0)]));
  }

  /** A page of the users in a channel. @param after the `next` of the previous page, "" for the first */
  async users(channel: ChannelName, after: string): Promise<Presence> {
    const asked: UsersRequest = { channel, after };
    const answers = await this.#peers.ask("channel-users", asked);
    const pages = [this.#here(asked), ...answers.map(({ body }) => body as UsersAnswer)];
    const users = [...new Set(pages.flatMap((it) => it.users))].sort();
    const page = users.slice(0, limits.presenceUsers);
    const next = users.length > page.length ? page.at(-1) : undefined;
    return { count: sum(pages.map(({ count }) => count)), users: page, next };
  }

  #countHere(channel: ChannelName): number {
    const found = this.#interest.get(channel);
    return found === undefined ? 0 : found.level.length + found.lagging.size;
  }

  /** One user more than a page holds, so that merging can tell whether there is a next page. */
  #here({ channel, after }: UsersRequest): UsersAnswer {
    const members = this.#interest.get(channel)?.members() ?? [];
    return { count: this.#countHere(channel), users: firstUsers(members, after, limits.presenceUsers + 1) };
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, it) => total + it, 0);
}
