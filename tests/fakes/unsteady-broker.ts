import type { ChannelName } from "../../protocol/channel-name.ts";
import { ServiceError } from "../../protocol/errors.ts";
import type { Position, Since } from "../../protocol/position.ts";
import { type Draft, isEphemeral, type Publication } from "../../protocol/publication.ts";
import type { Broker, BrokerEvents, Published } from "../../server/broker/broker.ts";
import type { History, HistoryRules, ReadOptions } from "../../server/broker/log.ts";
import type { Clock } from "../../server/lib/clock.ts";

/** An unreliable broker: on request, it loses, duplicates or delays deliveries, and its answers are late or fail. */
export class UnsteadyBroker implements Broker {
  /** How many of the next deliveries are lost. */
  lose = 0;
  /** How many of the next deliveries arrive twice. */
  double = 0;
  /** How many of the next requests fail. */
  fail = 0;
  /** The delay of answers in milliseconds. They contain what was true at the time of the request. */
  answerMs = 0;
  /** All requests for history. */
  readonly asked: {
    readonly channel: ChannelName;
    readonly since: Since;
    readonly limit: number;
    readonly maxBytes: number;
  }[] = [];
  /** How often tops were requested. */
  comparisons = 0;
  readonly #inner: Broker;
  readonly #clock: Clock;
  #events: BrokerEvents | undefined;
  #held: Publication[] | undefined;

  constructor(inner: Broker, clock: Clock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  start(events: BrokerEvents): Promise<void> {
    this.#events = events;
    return this.#inner.start({ ...events, onPublication: (publication) => this.#deliver(publication) });
  }

  publish(draft: Draft, rules: HistoryRules): Published | Promise<Published> {
    return this.#inner.publish(draft, rules);
  }

  listen(channel: ChannelName, publisher?: string): Promise<Position> {
    return this.#answer(() => this.#inner.listen(channel, publisher));
  }

  unlisten(channel: ChannelName): Promise<void> {
    return this.#inner.unlisten(channel);
  }

  history(channel: ChannelName, since: Since, options: ReadOptions): Promise<History> {
    this.asked.push({ channel, since, ...options });
    return this.#answer(() => this.#inner.history(channel, since, options));
  }

  tops(
    channels: readonly ChannelName[],
    seen?: ReadonlyMap<ChannelName, Position>,
  ): Promise<ReadonlyMap<ChannelName, Position>> {
    this.comparisons++;
    return this.#answer(() => this.#inner.tops(channels, seen));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Reports that the connection broke and is back. */
  breakNow(): void {
    this.#events?.onBreak();
  }

  /** Holds deliveries back from now on. */
  hold(): void {
    this.#held ??= [];
  }

  /** Delivers what was held back, and stops holding deliveries back. */
  letGo(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const publication of held) this.#events?.onPublication(publication);
  }

  /** Makes it reliable again. */
  steady(): void {
    this.lose = 0;
    this.double = 0;
    this.fail = 0;
    this.answerMs = 0;
    this.letGo();
  }

  #deliver(publication: Publication): void {
    if (this.lose > 0) {
      this.lose--;
      return;
    }
    // Ephemeral messages have no offset by which a duplicate could be detected.
    const isDoubled = this.double > 0 && !isEphemeral(publication);
    const copies = isDoubled ? [publication, publication] : [publication];
    if (isDoubled) this.double--;
    for (const copy of copies) {
      if (this.#held === undefined) this.#events?.onPublication(copy);
      else this.#held.push(copy);
    }
  }

  async #answer<T>(ask: () => Promise<T>): Promise<T> {
    if (this.fail > 0) {
      this.fail--;
      throw new ServiceError("broker-unavailable", "the connection to it is broken");
    }
    const answer = await ask();
    if (this.answerMs > 0) await this.#clock.sleep(this.answerMs);
    return answer;
  }
}
