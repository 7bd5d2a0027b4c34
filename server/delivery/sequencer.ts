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

/** One page of a repair: publications, and bytes by `costOf`. */
const pageSize = 1000;
const pageBytes = 256 * 1024;
/** How often all tops are compared: a lost last message has no successor that would reveal it. */
const checkMs = 5000;
/** What somebody who joins waits for a repair; longer, and it gets what is missing as live messages. */
const catchUpMs = 2000;
/** Channels per turn of the event loop: about a millisecond of it. */
const checkSlice = 1000;

/** What the sequencer needs of its neighbours. */
export interface SequencerDependencies {
  get(channel: ChannelName): ListenedChannel | undefined;
  channels(): Iterable<ListenedChannel>;
  readonly history: ReadHistory;
  /** @param seen asks the broker for a new epoch where a channel's record is behind it */
  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>>;
  /** The channel is not listened to yet. */
  onEarly(publication: Publication): void;
  /** The channel's tail grew. */
  onAppended(channel: ListenedChannel): void;
  /** What lies between the channel's head and `next` is lost, or a new epoch begins there: `next` is the first that follows. */
  onHole(channel: ListenedChannel, next: Position): void;
  /** What came for the channel could not be taken in, so it is not known what its members were given. */
  onFault(channel: ListenedChannel, error: unknown): void;
}

/** A channel being repaired, and how far deliveries have shown that it reaches. */
interface Repair {
  target: Position;
  failures: number;
  /** Settles when it is over. */
  done: Promise<void>;
}

/**
 * Puts deliveries into the tails in the order of their offsets, each once, whatever the broker does. A jump, a foreign
 * epoch or a top that says more than came is repaired from history; what history has no more becomes an announced hole.
 * A top that went back within an epoch means that numbers would be given out twice: the broker is asked for a new epoch,
 * and the channel continues there. It stands here once, above all brokers.
 */
export class Sequencer {
  readonly #dependencies: SequencerDependencies;
  readonly #clock: Clock;
  readonly #repairs = new Map<ListenedChannel, Repair>();
  /** Channels with a delivery that was here before, whose tops are being compared for it. */
  readonly #doubted = new Set<ListenedChannel>();
  #timer: Timer | undefined;

  constructor(dependencies: SequencerDependencies, clock: Clock) {
    this.#dependencies = dependencies;
    this.#clock = clock;
  }

  /** Begins comparing tops. */
  start(): void {
    this.#timer = this.#clock.setTimeout(() => void this.compareTops(), checkMs);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#repairs.clear();
  }

  /** One delivery of the broker. */
  take(publication: Publication): void {
    const channel = this.#dependencies.get(publication.channel);
    if (channel === undefined) {
      this.#dependencies.onEarly(publication);
      return;
    }
    if (isEphemeral(publication)) {
      this.#append(channel, publication);
      return;
    }
    const { epoch, offset } = publication;
    const { tail } = channel;
    const repair = this.#repairs.get(channel);
    if (repair !== undefined) {
      repair.target = further(repair.target, { epoch, offset }); // its pages bring this one too
    } else if (epoch !== tail.epoch || offset > tail.head + 1) {
      this.#repair(channel, { epoch, offset });
    } else if (offset === tail.head + 1) {
      this.#append(channel, publication);
    } else {
      void this.#doubt(channel);
    }
  }

  /** A channel has a new epoch, in which it stands at `top`. One that is not listened to yet is compared later. */
  reset(name: ChannelName, top: Position): void {
    const channel = this.#dependencies.get(name);
    if (channel !== undefined) this.#reach(channel, top);
  }

  /** Compares all tops with what came, at once: called by the timer and after the broker's connection broke. */
  async compareTops(): Promise<void> {
    this.#timer?.cancel();
    const channels = this.#dependencies.channels()[Symbol.iterator]();
    try {
      for (let slice = take(channels, checkSlice); slice.length > 0; slice = take(channels, checkSlice)) {
        await this.#compare(slice);
        if (slice.length === checkSlice) await this.#breath();
      }
    } catch (error) {
      // The broker is away: its own health says so, and the next comparison finds what was missed.
      log().debug("Could not compare tops: {error}", { error });
    }
    if (this.#timer !== undefined) this.start();
  }

  /** Resolves once what the channel's top is now has come here too; after a while also without. */
  async catchUp(channel: ListenedChannel): Promise<void> {
    await this.#compare([channel]);
    const repair = this.#repairs.get(channel);
    if (repair !== undefined) await Promise.race([repair.done, this.#clock.sleep(catchUpMs)]);
  }

  /** A turn of the event loop for everybody else: a broker in this process answers without one. */
  #breath(): Promise<void> {
    return new Promise((resolve) => this.#clock.setImmediate(resolve));
  }

  async #compare(channels: readonly ListenedChannel[]): Promise<void> {
    // What was here before the question: publications that arrive while it is answered are not in the answer.
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

  /** @param seen what is here of channels whose tops went back */
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

  /** A delivery that was here before may be a second copy, or the first sign of a numbering that went back. */
  async #doubt(channel: ListenedChannel): Promise<void> {
    if (this.#doubted.has(channel)) return;
    this.#doubted.add(channel);
    try {
      await this.#compare([channel]);
    } catch (error) {
      log().debug("Could not compare the top of a channel: {error}", { error }); // the next comparison of all does
    }
    this.#doubted.delete(channel);
  }

  /** What is stored up to `target` should be here. */
  #reach(channel: ListenedChannel, target: Position): void {
    const repair = this.#repairs.get(channel);
    if (repair !== undefined) repair.target = further(repair.target, target);
    else if (target.epoch !== channel.tail.epoch || target.offset > channel.tail.head) this.#repair(channel, target);
  }

  #append(channel: ListenedChannel, publication: Publication): void {
    channel.tail.append(new Push(publication, this.#clock.monotonic()));
    this.#dependencies.onAppended(channel);
  }

  #repair(channel: ListenedChannel, target: Position): void {
    const repair: Repair = { target, failures: 0, done: Promise.resolve() };
    this.#repairs.set(channel, repair);
    repair.done = this.#fetch(channel, repair);
  }

  /** Pages until the tail reaches the target; never two at once for one channel. */
  async #fetch(channel: ListenedChannel, repair: Repair): Promise<void> {
    const { tail } = channel;
    while (this.#isWanted(channel, repair)) {
      const { epoch, head } = tail;
      const { target } = repair;
      const isAnswered = await this.#fetchPage(channel, repair);
      const isNews = repair.target !== target;
      const isReached = repair.target.epoch === tail.epoch && tail.head >= repair.target.offset;
      // A target of another life than the answer was of an earlier one, unless it came after the question.
      if (isAnswered && (isReached || (repair.target.epoch !== tail.epoch && !isNews))) break;
      // Where nothing came, history does not know yet what was delivered: asking at once would only keep it busy.
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
      history = await this.#dependencies.history(channel.name, { from: "position", position }, pageSize, pageBytes);
      if (isBehind(history.top, position)) await this.#renew(new Map([[channel.name, position]]));
    } catch (error) {
      log().debug("Could not repair a channel yet: {error}", { error });
      return false;
    }
    // What a channel gets that nobody listens to any more would never be let go.
    if (this.#isWanted(channel, repair)) this.#applyOrFail(channel, history);
    return true;
  }

  /** Its members resume: tried again here, the same page would fail the same way, and nobody would be told. */
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
      this.#dependencies.onHole(channel, { epoch: history.top.epoch, offset: firstOffset });
    }
    for (const publication of history.publications) {
      if (publication.offset === tail.head + 1) this.#append(channel, publication);
    }
  }
}

/** What a repair reaches for never comes nearer: whoever waits for it was told of the further one. */
function further(one: Position, other: Position): Position {
  return one.epoch === other.epoch && one.offset > other.offset ? one : other;
}

/** Whether a top says less than what was given out in the same epoch. */
function isBehind(top: Position, seen: Position): boolean {
  return top.epoch === seen.epoch && top.offset < seen.offset;
}

/** The next so many, fewer at the end. Not an array of all: to make that would stop the loop too. */
function take<T>(items: Iterator<T>, count: number): readonly T[] {
  const taken: T[] = [];
  while (taken.length < count) {
    const { value, done } = items.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
