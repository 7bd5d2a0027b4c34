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
const disconnected = "the connection to Redis is broken";

/** A channel whose record was written before Redis restarted or failed over: its replication id is an old one. */
export interface OldRecord {
  readonly channel: ChannelName;
  readonly epoch: string;
  readonly top: number;
  readonly replicationId: string;
}

/** The answers of the members about one old record. */
export interface OffsetAnswer {
  /** The highest offset that any member has received or acknowledged in this epoch. */
  readonly highest: number;
  /** All members that may know more have answered, and at least one of them knows who these members are. */
  readonly isComplete: boolean;
}

export type QueryMessage =
  | { readonly kind: "ask"; readonly from: string; readonly n: string; readonly records: readonly QueriedRecord[] }
  | { readonly kind: "tell"; readonly to: string; readonly from: string; readonly n: string; readonly answer: Answer };

type QueriedRecord = readonly [channel: ChannelName, epoch: string, replicationId: string];

interface Answer {
  /** For each record, the highest known offset. */
  readonly highest: readonly number[];
  /** By replication id: the members that may know more, see Members. Without ids of which the member cannot say it. */
  readonly expected: Readonly<Record<string, readonly string[]>>;
}

interface PendingQuery {
  readonly answers: Map<string, Answer>;
  check(): void;
  interrupt(): void;
}

export interface OffsetQueriesDependencies {
  readonly self: string;
  readonly members: Members;
  readonly knownOffsets: KnownOffsets;
  /** Sends a text to all members. Rejects if it cannot be sent now. */
  send(text: string): Promise<unknown>;
  /** Whether this member is connected to a server with this replication id. */
  isInUse(replicationId: string): boolean;
  /** Closes the connections to the server with this replication id, and opens others: it has been replaced. */
  reconnect(replicationId: string): void;
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
   * Asks all members, this one included, about up to a thousand records. Returns one answer per record, in order.
   *
   * @throws RedisUnreachable if this member is not connected, or disconnected before all have answered. The answers so far
   *   say nothing: Redis may have lost more in the meantime, and the time was too short for the others.
   */
  async ask(records: readonly OldRecord[]): Promise<readonly OffsetAnswer[]> {
    const { clock, members, self } = this.#dependencies;
    // The record may have been read just before this member learned whom it has to expect.
    if (!members.mayTell) throw new RedisUnreachable(disconnected);
    // A slot was moved to another server. Nobody can tell yet whether everything was.
    if (records.some(({ replicationId }) => this.#dependencies.isInUse(replicationId))) {
      return records.map(() => ({ highest: 0, isComplete: false }));
    }
    const asked = records.map(({ channel, epoch, replicationId }): QueriedRecord => [channel, epoch, replicationId]);
    const ids = [...new Set(records.map(({ replicationId }) => replicationId))];
    const n = randomId(9);
    const answers = new Map([[self, this.#answerTo(asked)]]);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A member that falls silent during the query may have seen more than all others, and it may reconnect later.
    const aliveBefore = members.alive();
    const missing = (id: string) => this.#missing([...aliveBefore, ...members.alive()], answers, id);
    const check = () => {
      const isKnown = (id: string) => expectationsOf(answers, id).length > 0;
      // A member that has just started does not know the others yet.
      if (!members.isIntroduced && !ids.every(isKnown)) return;
      if (!ids.some((id) => missing(id).some((it) => members.mayAnswer(it)))) resolve();
    };
    this.#pending.set(n, { answers, check, interrupt: () => reject(new RedisUnreachable(disconnected)) });
    const timeout = clock.setTimeout(resolve, timeoutMs);
    let isOver = false;
    const repeat = async () => {
      while (!isOver) {
        await this.#send({ kind: "ask", from: self, n, records: asked });
        await clock.sleep(retryMs);
        check(); // a member may have expired in the meantime
      }
    };
    check();
    if (ids.some((id) => missing(id).length > 0) || !members.isIntroduced) void repeat();
    try {
      await promise;
    } finally {
      isOver = true;
      timeout.cancel();
      this.#pending.delete(n);
    }
    answers.set(self, this.#answerTo(asked)); // a member that left in the meantime has handed over what it knew
    const complete = new Set(ids.filter((id) => expectationsOf(answers, id).length > 0 && missing(id).length === 0));
    return records.map(({ replicationId }, at) => ({
      highest: Math.max(...Array.from(answers.values(), ({ highest }) => highest[at] ?? 0)),
      isComplete: complete.has(replicationId),
    }));
  }

  /** This member is disconnected. */
  disconnected(): void {
    for (const { interrupt } of this.#pending.values()) interrupt();
  }

  handleMessage(message: QueryMessage): void {
    const { self, members } = this.#dependencies;
    if (message.kind === "ask" && message.from !== self) {
      if (!members.mayTell || !this.#hasNoticed(message.records)) return; // The query is repeated.
      const answer = this.#answerTo(message.records);
      void this.#send({ kind: "tell", to: message.from, from: self, n: message.n, answer });
    } else if (message.kind === "tell" && message.to === self) {
      const query = this.#pending.get(message.n);
      query?.answers.set(message.from, message.answer);
      query?.check();
    }
  }

  /**
   * Whether this member has noticed that the servers of these records were replaced. As long as it has not, acknowledgements of
   * such a server may still arrive, after the answer to the query.
   */
  #hasNoticed(records: readonly QueriedRecord[]): boolean {
    const { isInUse, reconnect } = this.#dependencies;
    const replaced = new Set(records.map(([, , id]) => id).filter((id) => isInUse(id)));
    for (const id of replaced) reconnect(id);
    return replaced.size === 0;
  }

  /** The members whose answers are needed for records with this replication id, and missing. */
  #missing(alive: readonly string[], answers: ReadonlyMap<string, Answer>, id: string): readonly string[] {
    const { members } = this.#dependencies;
    const needed = new Set([...alive, ...expectationsOf(answers, id).flat()]);
    return [...needed].filter((it) => !answers.has(it) && !members.hasLeft(it));
  }

  #answerTo(records: readonly QueriedRecord[]): Answer {
    const { knownOffsets, members } = this.#dependencies;
    const expected: Record<string, readonly string[]> = {};
    for (const [, , id] of records) {
      const known = members.expectedAt(id);
      if (known !== undefined) expected[id] = [...known];
    }
    return { highest: records.map(([channel, epoch]) => knownOffsets.highest(channel, epoch)), expected };
  }

  async #send(message: QueryMessage): Promise<void> {
    try {
      await this.#dependencies.send(JSON.stringify(message));
    } catch {
      // Disconnected again. The asking member repeats its query until the timeout, and then counts this member as missing.
    }
  }
}

function expectationsOf(answers: ReadonlyMap<string, Answer>, id: string): readonly (readonly string[])[] {
  return Array.from(answers.values(), ({ expected }) => expected[id]).filter((it) => it !== undefined);
}
