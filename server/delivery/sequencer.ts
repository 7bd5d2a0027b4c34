import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import { isEphemeral, type Publication } from "../../protocol/publication.ts";
import type { History } from "../broker/log.ts";
import { backoff } from "../lib/backoff.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { Push } from "../session/push.ts";
import type { ListenedChannel } from "./listened-channel.ts";
import type { ReadHistory } from "./shared-history.ts";

const log = () => getLogger(["fanfare", "hub"]);

/** The limits of one page of a repair: publications, and bytes by `costOf`. */
const pageSize = 1000;
const pageBytes = 256 * 1024;
/** How often all tops are compared. A lost last message is only found this way, since no later offset reveals it. */
const checkMs = 5000;
/** How long a join waits for a repair. After that it gets the missing messages as live messages. */
const catchUpMs = 2000;
/** Channels compared per turn of the event loop: about a millisecond. */
const checkSlice = 1000;

/** Dependencies of the sequencer. */
export interface SequencerDependencies {
  get(channel: ChannelName): ListenedChannel | undefined;
  channels(): Iterable<ListenedChannel>;
  readonly history: ReadHistory;
  /** @param seen makes the broker start a new epoch for a channel whose stored numbering is behind this */
  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>>;
  /** The channel is not listened to yet. */
  onEarly(publication: Publication): void;
  /** The channel's tail grew. */
  onAppended(channel: ListenedChannel): void;
  /**
   * Publications between the head and `next` are lost, or a new epoch begins: `next` is the first publication that follows.
   */
  onGap(channel: ListenedChannel, next: Position): void;
  /** An error occurred while applying publications, so it is unknown which publications the members got. */
  onFault(channel: ListenedChannel, error: unknown): void;
}

/** A channel being repaired, and the position it must reach. */
interface Repair {
  target: Position;
  failures: number;
  /** Settles when the repair has ended. */
  done: Promise<void>;
}

/**
 * Appends publications to the tails in the order of their offsets, each once, whatever the broker does. A jump, an unknown
 * epoch or a top beyond the received publications is repaired from history. A gap is announced for publications that
 * history no longer has. If a top went back within an epoch, offsets would be assigned twice: the broker is asked for a new
 * epoch, and the channel continues there. Implemented once, above all brokers.
 */
export class Sequencer {
  readonly #dependencies: SequencerDependencies;
  readonly #clock: Clock;
  readonly #repairs = new Map<ListenedChannel, Repair>();
  /** Channels whose top is being compared because a publication arrived a second time. */
  readonly #suspected = new Set<ListenedChannel>();
  #timer: Timer | undefined;

  constructor(dependencies: SequencerDependencies, clock: Clock) {
    this.#dependencies = dependencies;
    this.#clock = clock;
  }

  /** Starts comparing tops periodically. */
  start(): void {
    this.#timer = this.#clock.setTimeout(() => void this.compareTops(), checkMs);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#repairs.clear();
  }

  /** Handles one publication from the broker. @param receivedAt by the monotonic clock, if the broker knows it */
  receive(publication: Publication, receivedAt?: number): void {
    const channel = this.#dependencies.get(publication.channel);
    if (channel === undefined) {
      this.#dependencies.onEarly(publication);
      return;
    }
    if (isEphemeral(publication)) {
      this.#append(channel, publication, receivedAt);
      return;
    }
    const { epoch, offset } = publication;
    const { tail } = channel;
    const repair = this.#repairs.size === 0 ? undefined : this.#repairs.get(channel);
    if (repair !== undefined) {
      repair.target = further(repair.target, { epoch, offset }); // the repair fetches this one too
    } else if (epoch !== tail.epoch || offset > tail.head + 1) {
      this.#repair(channel, { epoch, offset });
    } else if (offset === tail.head + 1) {
      this.#append(channel, publication, receivedAt);
    } else {
      void this.#compareAfterDuplicate(channel);
    }
  }

  /** A channel has a new epoch with this top. A channel that is not listened to yet is compared later. */
  reset(name: ChannelName, top: Position): void {
    const channel = this.#dependencies.get(name);
    if (channel !== undefined) this.#reach(channel, top);
  }

  /** Compares all tops with the received publications. Called by the timer, and after the broker's connection broke. */
  async compareTops(): Promise<void> {
    this.#timer?.cancel();
    const channels = this.#dependencies.channels()[Symbol.iterator]();
    try {
      for (let slice = take(channels, checkSlice); slice.length > 0; slice = take(channels, checkSlice)) {
        await this.#compare(slice);
        if (slice.length === checkSlice) await this.#yield();
      }
    } catch (error) {
      // The broker is unavailable and reports that itself. The next comparison finds missed publications.
      log().debug("Could not compare tops: {error}", { error });
    }
    if (this.#timer !== undefined) this.start();
  }

  /** Resolves once everything up to the current top has arrived here, or after a timeout. */
  async catchUp(channel: ListenedChannel): Promise<void> {
    await this.#compare([channel]);
    const repair = this.#repairs.get(channel);
    if (repair !== undefined) await Promise.race([repair.done, this.#clock.sleep(catchUpMs)]);
  }

  /** Yields to the event loop. A broker in this process answers without doing so. */
  #yield(): Promise<void> {
    return new Promise((resolve) => this.#clock.setImmediate(resolve));
  }

  async #compare(channels: readonly ListenedChannel[]): Promise<void> {
    // Taken before the request: publications that arrive meanwhile are not in the answer.
    const heads = channels.map(({ tail }) => ({ epoch: tail.epoch, offset: tail.head }));
    const tops = await this.#dependencies.tops(channels.map(({ name }) => name));
    const ahead = new Map<ChannelName, Position>();
    for (const [index, channel] of channels.entries()) {
      const top = tops.get(channel.name);
      const head = heads[index];
      if (top === undefined || head === undefined || this.#dependencies.get(channel.name) !== channel) continue;
      if (isBehind(top, head)) ahead.set(channel.name, head);
      else this.#reach(channel, top);
    }
    if (ahead.size > 0) await this.#renew(ahead);
  }

  /** @param seen the heads of channels whose tops went back */
  async #renew(seen: ReadonlyMap<ChannelName, Position>): Promise<void> {
    const tops = await this.#dependencies.tops([...seen.keys()], seen);
    for (const [name, position] of seen) {
      const channel = this.#dependencies.get(name);
      const top = tops.get(name);
      if (channel === undefined || top === undefined) continue;
      const properties = { channel: name, position, top };
      if (isBehind(top, position)) {
        log().error("The numbering of {channel} went back from {position} to {top}, and got no new epoch", properties);
      } else {
        log().warning("The numbering of {channel} went back from {position}; it continues at {top}", properties);
        this.#reach(channel, top);
      }
    }
  }

  /** An offset that arrives again is a duplicate, or the first sign that the numbering went back. */
  async #compareAfterDuplicate(channel: ListenedChannel): Promise<void> {
    if (this.#suspected.has(channel)) return;
    this.#suspected.add(channel);
    try {
      await this.#compare([channel]);
    } catch (error) {
      log().debug("Could not compare the top of a channel: {error}", { error }); // the next comparison of all does
    }
    this.#suspected.delete(channel);
  }

  /** Makes sure that everything up to `target` arrives here. */
  #reach(channel: ListenedChannel, target: Position): void {
    const repair = this.#repairs.get(channel);
    if (repair !== undefined) repair.target = further(repair.target, target);
    else if (target.epoch !== channel.tail.epoch || target.offset > channel.tail.head) this.#repair(channel, target);
  }

  #append(channel: ListenedChannel, publication: Publication, receivedAt = this.#clock.monotonic()): void {
    channel.tail.append(new Push(publication, receivedAt));
    this.#dependencies.onAppended(channel);
  }

  #repair(channel: ListenedChannel, target: Position): void {
    const repair: Repair = { target, failures: 0, done: Promise.resolve() };
    this.#repairs.set(channel, repair);
    repair.done = this.#fetch(channel, repair);
  }

  /** Fetches pages until the tail reaches the target. Never runs twice for one channel at the same time. */
  async #fetch(channel: ListenedChannel, repair: Repair): Promise<void> {
    const { tail } = channel;
    while (this.#isWanted(channel, repair)) {
      const { epoch, head } = tail;
      const { target } = repair;
      const isAnswered = await this.#fetchPage(channel, repair);
      const isNews = repair.target !== target;
      const isReached = repair.target.epoch === tail.epoch && tail.head >= repair.target.offset;
      // If the target's epoch is not the one of the answer, the target was of an earlier epoch, unless it is newer than the
      // request.
      if (isAnswered && (isReached || (repair.target.epoch !== tail.epoch && !isNews))) break;
      // If nothing arrived, history does not have the publications yet; repeated requests would only load it.
      if (isAnswered && (isNews || tail.epoch !== epoch || tail.head > head)) repair.failures = 0;
      else await this.#clock.sleep(backoff(++repair.failures));
    }
    if (this.#repairs.get(channel) === repair) this.#repairs.delete(channel);
  }

  /** @returns whether there was an answer */
  async #fetchPage(channel: ListenedChannel, repair: Repair): Promise<boolean> {
    const position = { epoch: channel.tail.epoch, offset: channel.tail.head };
    let history: History;
    try {
      history = await this.#dependencies.history(
        channel.name,
        { from: "position", position },
        { limit: pageSize, maxBytes: pageBytes },
      );
      if (isBehind(history.top, position)) await this.#renew(new Map([[channel.name, position]]));
    } catch (error) {
      log().debug("Could not repair a channel yet: {error}", { error });
      return false;
    }
    // Memory of a channel that is no longer listened to would never be freed.
    if (this.#isWanted(channel, repair)) this.#applyOrFail(channel, history);
    return true;
  }

  /** On an error the members resume. Retrying the same page would fail the same way, without anybody noticing. */
  #applyOrFail(channel: ListenedChannel, history: History): void {
    try {
      this.#apply(channel, history);
    } catch (error) {
      this.#dependencies.onFault(channel, error);
      channel.tail.reset(history.top);
    }
  }

  #isWanted(channel: ListenedChannel, repair: Repair): boolean {
    return this.#repairs.get(channel) === repair && this.#dependencies.get(channel.name) === channel;
  }

  #apply(channel: ListenedChannel, history: History): void {
    const { tail } = channel;
    const first = history.publications[0];
    const firstOffset = first?.offset ?? history.top.offset + 1;
    if (history.top.epoch !== tail.epoch || firstOffset > tail.head + 1) {
      this.#dependencies.onGap(channel, { epoch: history.top.epoch, offset: firstOffset });
    }
    for (const publication of history.publications) {
      if (publication.offset === tail.head + 1) this.#append(channel, publication);
    }
  }
}

/** The later of two positions. A repair's target never moves back, because somebody may be waiting for it. */
function further(one: Position, other: Position): Position {
  return one.epoch === other.epoch && one.offset > other.offset ? one : other;
}

/** Whether a top is lower than an offset that was seen in the same epoch. */
function isBehind(top: Position, seen: Position): boolean {
  return top.epoch === seen.epoch && top.offset < seen.offset;
}

/** The next `count` items, fewer at the end. An array of all items would block the event loop. */
function take<T>(items: Iterator<T>, count: number): readonly T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = items.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
