import { EventSource } from "eventsource4";
import { Watch } from "../e2e/watch.ts";

/** One client and what it received. */
interface Follower {
  readonly source: EventSource;
  readonly numbers: number[];
  opened: number;
  welcomes: number;
}

/** Many plain EventSources on one stream. As in a browser, any status other than 200 ends one permanently. */
export class EventSources implements Disposable {
  readonly #followers: readonly Follower[];
  readonly #watch = new Watch();

  constructor(url: string, count: number) {
    this.#followers = Array.from({ length: count }, () => this.#follow(url));
  }

  /** How many ended permanently. */
  get dead(): number {
    return this.#followers.filter(({ source }) => source.readyState === EventSource.CLOSED).length;
  }

  /** The numbers received by each client that did not receive every number from 1 on exactly once. Empty if all did. */
  faults(sent: number): readonly (readonly number[])[] {
    const right = Array.from({ length: sent }, (_, at) => at + 1).join();
    return this.#followers.map(({ numbers }) => numbers).filter((it) => it.join() !== right);
  }

  /** Resolves once each has received this many more responses, from the server or a proxy. */
  untilAnsweredAgain(): Promise<void> {
    const before = this.#followers.map(({ opened }) => opened);
    return this.#until(() => this.#followers.every(({ opened }, at) => opened > (before[at] ?? 0)));
  }

  /** Resolves once each has received another welcome from a server. */
  untilWelcomedAgain(): Promise<void> {
    const before = this.#followers.map(({ welcomes }) => welcomes);
    return this.#until(() => this.#followers.every(({ welcomes }, at) => welcomes > (before[at] ?? 0)));
  }

  /** Resolves once each has the message. */
  untilHeard(number: number): Promise<void> {
    return this.#until(() => this.#followers.every(({ numbers }) => numbers.includes(number)));
  }

  [Symbol.dispose](): void {
    for (const { source } of this.#followers) source.close();
  }

  /** Also returns when one of them has ended permanently, since it would then wait forever. */
  #until(isDone: () => boolean): Promise<void> {
    const state = () =>
      `${this.dead} ended for good; got ${JSON.stringify(this.#followers.map(({ numbers }) => numbers))}`;
    return this.#watch.until(() => isDone() || this.dead > 0, state);
  }

  #follow(url: string): Follower {
    const follower: Follower = { source: new EventSource(url), numbers: [], opened: 0, welcomes: 0 };
    const { source } = follower;
    source.addEventListener("open", () => {
      follower.opened++;
      this.#watch.wake();
    });
    source.addEventListener("error", () => this.#watch.wake());
    source.addEventListener("system", ({ data }) => {
      if (data.includes('"event":"welcome"')) follower.welcomes++;
      this.#watch.wake();
    });
    source.addEventListener("message", ({ data }) => {
      follower.numbers.push((JSON.parse(data) as { readonly data: number }).data);
      this.#watch.wake();
    });
    return follower;
  }
}
