import { EventSource } from "eventsource4";
import { Watch } from "../e2e/watch.ts";

/** One client and what it got. */
interface Follower {
  readonly source: EventSource;
  readonly numbers: number[];
  opened: number;
  welcomes: number;
}

/** Many plain EventSources on one stream. As in a browser, each ends for good when it is answered with anything but 200. */
export class EventSources implements Disposable {
  readonly #followers: readonly Follower[];
  readonly #watch = new Watch();

  constructor(url: string, count: number) {
    this.#followers = Array.from({ length: count }, () => this.#follow(url));
  }

  /** How many ended for good. */
  get dead(): number {
    return this.#followers.filter(({ source }) => source.readyState === EventSource.CLOSED).length;
  }

  /** What each got that did not get all numbers from 1 on, each once; empty if all is well. */
  faults(sent: number): readonly (readonly number[])[] {
    const right = Array.from({ length: sent }, (_, at) => at + 1).join();
    return this.#followers.map(({ numbers }) => numbers).filter((it) => it.join() !== right);
  }

  /** Until each has been answered so many times more than now, by whoever. */
  untilAnsweredAgain(): Promise<void> {
    const before = this.#followers.map(({ opened }) => opened);
    return this.#until(() => this.#followers.every(({ opened }, at) => opened > (before[at] ?? 0)));
  }

  /** Until each was welcomed by a server once more than now. */
  untilWelcomedAgain(): Promise<void> {
    const before = this.#followers.map(({ welcomes }) => welcomes);
    return this.#until(() => this.#followers.every(({ welcomes }, at) => welcomes > (before[at] ?? 0)));
  }

  /** Until each has the message. */
  untilHeard(number: number): Promise<void> {
    return this.#until(() => this.#followers.every(({ numbers }) => numbers.includes(number)));
  }

  [Symbol.dispose](): void {
    for (const { source } of this.#followers) source.close();
  }

  /** Also ends when somebody ended for good: then it would never come. */
  #until(isDone: () => boolean): Promise<void> {
    const state = () =>
      `${this.dead} ended for good; got ${JSON.stringify(this.#followers.map(({ numbers }) => numbers))}`;
    return this.#watch.until(() => isDone() || this.dead > 0, state, 20_000);
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
