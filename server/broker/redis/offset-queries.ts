import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Clock } from "../../lib/clock.ts";
import { randomId } from "../../lib/random-id.ts";
import { RedisUnreachable } from "../../lib/redis/unreachable.ts";
import type { KnownOffsets } from "./known-offsets.ts";
import type { Members } from "./members.ts";

/** How long a query waits for answers: longer than a member takes to reconnect to Redis. */
const timeoutMs = 5000;
/** The query is repeated, because a member that is still reconnecting does not receive it. */
const retryMs = 500;
/** Most positions that a leaving member hands over, about 5 MB. */
const maxHandedOver = 100_000;
/** Positions per message. */
const handedOverPerMessage = 1000;
const disconnected = "the connection to Redis is broken";

/** A channel whose record was written before Redis restarted or failed over: its replication id is an old one. */
export interface OldRecord {
  readonly channel: ChannelName;
  readonly epoch: string;
  readonly top: number;
  readonly replicationId: string;
}

/** What the members know about one old record. */
export interface OffsetAnswer {
  /** The highest offset that any member has received or acknowledged in this epoch. */
  readonly highest: number;
  /** All members that were alive have answered, and at least one of them was connected under that replication id. */
  readonly isComplete: boolean;
}

type Message =
  | { readonly kind: "ask"; readonly from: string; readonly n: string; readonly records: readonly QueriedRecord[] }
  | {
      readonly kind: "tell";
      readonly to: string;
      readonly from: string;
      readonly n: string;
      readonly known: readonly KnownOffset[];
    }
  | {
      readonly kind: "keep";
      readonly from: string;
      readonly positions: readonly (readonly [channel: ChannelName, epoch: string, offset: number])[];
    };

type QueriedRecord = readonly [channel: ChannelName, epoch: string, replicationId: string];
type KnownOffset = readonly [highest: number, knewReplicationId: boolean];

interface PendingQuery {
  readonly answers: Map<string, readonly KnownOffset[]>;
  check(): void;
  interrupt(): void;
}

export interface OffsetQueriesDependencies {
  readonly self: string;
  readonly members: Members;
  readonly knownOffsets: KnownOffsets;
  /** Replication ids under which this member was connected. */
  readonly replicationIds: ReadonlySet<string>;
  /** Sends a text to all members. Rejects if it cannot be sent now. */
  send(text: string): Promise<unknown>;
  readonly clock: Clock;
}

/** Asks the members which offsets they have seen, to find out what Redis has lost. Answers such queries of other members. */
export class OffsetQueries {
  readonly #dependencies: OffsetQueriesDependencies;
  readonly #pending = new Map<string, PendingQuery>();

  constructor(dependencies: OffsetQueriesDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Asks all live members, this one included, about up to a thousand records. Returns one answer per record, in order. A
   * member that has just started waits until it knows the others.
   *
   * @throws RedisUnreachable if this member is disconnected before all have answered. The answers so far say nothing: Redis
   *   may have lost more in the meantime, and the time was too short for the others.
   */
  async ask(records: readonly OldRecord[]): Promise<readonly OffsetAnswer[]> {
    const { clock, members, self } = this.#dependencies;
    if (!members.isConnected) throw new RedisUnreachable(disconnected);
    const asked = records.map(({ channel, epoch, replicationId }): QueriedRecord => [channel, epoch, replicationId]);
    const n = randomId(9);
    const answers = new Map<string, readonly KnownOffset[]>([[self, this.#knownOf(asked)]]);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const expected = members.alive();
    const missing = () => members.alive().filter((it) => !answers.has(it));
    const check = () => {
      if (missing().length === 0 && members.isIntroduced) resolve();
    };
    const interrupt = () => reject(new RedisUnreachable(disconnected));
    this.#pending.set(n, { answers, check, interrupt });
    const timeout = clock.setTimeout(resolve, timeoutMs);
    let isOver = false;
    const repeat = async () => {
      while (!isOver) {
        check(); // a member may have expired in the meantime
        await this.#send({ kind: "ask", from: self, n, records: asked });
        await clock.sleep(retryMs);
      }
    };
    if (missing().length > 0 || !members.isIntroduced) void repeat();
    else resolve();
    try {
      await promise;
    } finally {
      isOver = true;
      timeout.cancel();
      this.#pending.delete(n);
    }
    answers.set(self, this.#knownOf(asked)); // a member that left in the meantime has handed over what it knew
    // A member that fell silent during the query may have seen more than all others, and it may reconnect later.
    const hasAll =
      members.isIntroduced && missing().length === 0 && expected.every((it) => answers.has(it) || members.hasLeft(it));
    return asked.map((_, at) => {
      const known = Array.from(answers.values(), (it) => it[at] ?? ([0, false] as const));
      return { highest: Math.max(...known.map(([it]) => it)), isComplete: hasAll && known.some(([, knew]) => knew) };
    });
  }

  /** This member is disconnected. */
  disconnected(): void {
    for (const { interrupt } of this.#pending.values()) interrupt();
  }

  /**
   * A member that leaves tells the others what it knows, because its publishers and clients may still hold these positions.
   *
   * @returns whether it did. If it knows too much, or Redis is away, it must not announce its departure: the others then
   *   treat it as a member that fell silent.
   */
  async handOver(): Promise<boolean> {
    const { knownOffsets, self, send } = this.#dependencies;
    const known = knownOffsets.all(maxHandedOver);
    if (known === undefined) return false;
    const positions = known.map(([channel, { epoch, offset }]) => [channel, epoch, offset] as const);
    try {
      for (let from = 0; from < positions.length; from += handedOverPerMessage) {
        const some = positions.slice(from, from + handedOverPerMessage);
        const message: Message = { kind: "keep", from: self, positions: some };
        await send(JSON.stringify(message));
      }
      return true;
    } catch {
      return false;
    }
  }

  /** Handles a message from the topic of the queries. */
  handleMessage(text: string): void {
    const message = JSON.parse(text) as Message;
    const { self, knownOffsets } = this.#dependencies;
    if (message.kind === "keep" && message.from !== self) {
      for (const [channel, epoch, offset] of message.positions) knownOffsets.remember(channel, { epoch, offset });
    } else if (message.kind === "ask" && message.from !== self) {
      const known = this.#knownOf(message.records);
      void this.#send({ kind: "tell", to: message.from, from: self, n: message.n, known });
    } else if (message.kind === "tell" && message.to === self) {
      const query = this.#pending.get(message.n);
      query?.answers.set(message.from, message.known);
      query?.check();
    }
  }

  #knownOf(records: readonly QueriedRecord[]): readonly KnownOffset[] {
    const { knownOffsets, replicationIds } = this.#dependencies;
    return records.map(
      ([channel, epoch, id]): KnownOffset => [knownOffsets.highest(channel, epoch), replicationIds.has(id)],
    );
  }

  async #send(message: Message): Promise<void> {
    try {
      await this.#dependencies.send(JSON.stringify(message));
    } catch {
      // Disconnected again. The asking member repeats its query until the timeout, and then counts this member as missing.
    }
  }
}
