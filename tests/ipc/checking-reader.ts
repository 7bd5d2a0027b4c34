import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Position } from "../../protocol/position.ts";
import type { Publication } from "../../protocol/publication.ts";
import type { Broker } from "../../server/broker/broker.ts";

/**
 * Reads a channel as the Broker interface requires: it checks each offset, compares tops after a break, and fetches the
 * missing ones. A client would have received what it read.
 */
export class CheckingReader {
  readonly read: Publication[] = [];
  /** How often a channel had a new epoch, or history had lost something. Clients are informed of both. */
  announced = 0;
  onProgress: () => void = () => {};
  readonly #broker: Pick<Broker, "listen" | "tops" | "history">;
  readonly #channel: ChannelName;
  #head: Position = { epoch: "", offset: 0 };
  #fetching: Promise<void> | undefined;
  /** The last delivery while it was fetching. The answers may not contain it yet. */
  #seen: Position | undefined;

  constructor(broker: Pick<Broker, "listen" | "tops" | "history">, channel: ChannelName) {
    this.#broker = broker;
    this.#channel = channel;
  }

  /** Reads from the channel's current top. */
  async begin(): Promise<void> {
    this.#head = await this.#broker.listen(this.#channel);
  }

  /** How often an offset does not follow the one before. Messages were lost there, silently unless a gap was announced. */
  get holes(): number {
    return this.read.filter(({ epoch, offset }, at) => {
      const before = this.read[at - 1];
      return before !== undefined && (before.epoch !== epoch || before.offset + 1 !== offset);
    }).length;
  }

  take(publication: Publication): void {
    const { epoch, offset } = publication;
    if (this.#fetching !== undefined)
      this.#seen = { epoch, offset }; // The history contains it.
    else if (epoch !== this.#head.epoch || offset > this.#head.offset + 1) void this.check();
    else if (offset === this.#head.offset + 1) this.#append(publication);
  }

  /** Compares the top with the last message read, and fetches the missing ones. */
  check(): Promise<void> {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetch(): Promise<void> {
    for (;;) {
      const since = { from: "position", position: this.#head } as const;
      this.#seen = undefined;
      try {
        const { top, publications, gap } = await this.#broker.history(this.#channel, since, {
          limit: 500,
          maxBytes: Number.MAX_SAFE_INTEGER,
        });
        if (gap !== undefined) {
          this.announced++;
          this.#head = { epoch: top.epoch, offset: (publications[0]?.offset ?? top.offset + 1) - 1 };
        }
        for (const publication of publications) this.#append(publication);
        const now = (await this.#broker.tops([this.#channel])).get(this.#channel);
        if (this.#hasReached(now) && this.#hasReached(this.#seen)) return;
      } catch {
        return; // The connection broke again. It asks again after the next break.
      }
    }
  }

  #hasReached(position: Position | undefined): boolean {
    return position === undefined || (position.epoch === this.#head.epoch && position.offset <= this.#head.offset);
  }

  #append(publication: Publication): void {
    if (publication.offset !== this.#head.offset + 1) return;
    this.#head = { epoch: publication.epoch, offset: publication.offset };
    this.read.push(publication);
    this.onProgress();
  }
}
