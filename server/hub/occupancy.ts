import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Interest } from "../delivery/interest.ts";

/** Who is in one channel. */
export interface Presence {
  /** Connections. */
  readonly count: number;
  /** Each user once, sorted. */
  readonly users: readonly string[];
}

const nobody: Presence = { count: 0, users: [] };

/** Who is in which channel now, on any worker of the server. */
export class Occupancy {
  readonly #interest: Interest;
  readonly #peers: Peers;

  constructor(interest: Interest, peers: Peers) {
    this.#interest = interest;
    this.#peers = peers;
    peers.handle("connected", (users: readonly string[]) => users.filter((it) => peers.roster.hasOwn(it)));
    peers.handle("presence", (channels: readonly ChannelName[]) => channels.map((it) => this.#here(it)));
  }

  /**
   * Which of these users have a connection now. What the others told of themselves is some milliseconds old, so of whom it
   * knows nothing they are asked.
   */
  async connected(users: readonly string[]): Promise<ReadonlySet<string>> {
    const { roster } = this.#peers;
    const known = users.filter((it) => roster.isConnected(it));
    if (known.length === users.length) return new Set(known);
    const unknown = users.filter((it) => !roster.isConnected(it));
    const answers = await this.#peers.ask("connected", unknown);
    return new Set([...known, ...answers.flatMap(({ body }) => body as readonly string[])]);
  }

  /** One answer per channel, in their order. */
  async of(channels: readonly ChannelName[]): Promise<readonly Presence[]> {
    const answers = await this.#peers.ask("presence", channels);
    const elsewhere = answers.map(({ body }) => body as readonly Presence[]);
    return channels.map((it, index) => merge([this.#here(it), ...elsewhere.map((those) => those[index] ?? nobody)]));
  }

  #here(channel: ChannelName): Presence {
    const members = Array.from(this.#interest.get(channel)?.members() ?? []);
    return { count: members.length, users: distinct(members.map(({ session }) => session.userId)) };
  }
}

function merge(those: readonly Presence[]): Presence {
  return {
    count: those.reduce((sum, { count }) => sum + count, 0),
    users: distinct(those.flatMap(({ users }) => users)),
  };
}

function distinct(users: readonly (string | undefined)[]): string[] {
  return [...new Set(users)].filter((it) => it !== undefined).sort();
}
