import type { HistoryOnTheWire, PublishCommand } from "../protocol/client-codec.ts";
import type { AckFrame, PresenceFrame } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import type { ChannelEvents, ChannelOptions, Message } from "./feed.ts";
import type { Outbox } from "./outbox.ts";
import { checkData } from "./schema.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Messages that a `for await` loop may be behind. */
const maxBehind = 1000;

/** What can be said of a publication beside its data. */
export type PublishOptions = Omit<PublishCommand, "type" | "channel" | "data">;

export interface HistoryOptions {
  /** From where: a position, `earliest`, a duration such as `2m`, `last:10`. Absent: the last ones. */
  readonly since?: Position | string;
  readonly limit?: number;
}

/**
 * One channel of one client. It is subscribed to as long as anybody listens to anything of it; several objects of the same
 * name share that.
 */
export class Channel<Input = unknown, Data = Input> {
  readonly name: string;
  readonly #options: ChannelOptions<Input, Data>;
  readonly #subscriptions: Subscriptions;
  readonly #outbox: Outbox;

  constructor(name: string, options: ChannelOptions<Input, Data>, subscriptions: Subscriptions, outbox: Outbox) {
    this.name = name;
    this.#options = options;
    this.#subscriptions = subscriptions;
    this.#outbox = outbox;
  }

  /** The last publication that was handed over or reported as missing; undefined while nobody listens. */
  get position(): Position | undefined {
    return this.#subscriptions.peek(this.name)?.progress.position;
  }

  /** @returns takes the handler away; when nobody listens any more, the channel is left. */
  on<Name extends keyof ChannelEvents>(name: Name, handler: (value: ChannelEvents<Data>[Name]) => void): () => void {
    // What comes was checked against this channel's schema, if it has one, and is believed if it has none.
    const taken = handler as (value: ChannelEvents[Name]) => void;
    return this.#subscriptions.listen(this.name, this.#options, name, taken);
  }

  /**
   * Publishes, over as many connections as it takes: each try carries the same id, so it is stored once.
   * @returns the server's acknowledgement: it is stored
   * @throws ClientError, or TypeError where the data breaks the schema
   */
  async publish(data?: Input, options: PublishOptions = {}): Promise<AckFrame> {
    const { schema } = this.#options;
    if (schema) checkData(schema, data);
    // Not randomUUID: pages that were not served over TLS do not have it.
    const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
    return this.#outbox.ask({ id, ...options, type: "publish", channel: this.name, data });
  }

  /** A stretch of the history, oldest first, whether or not anybody listens. @throws ClientError */
  history(options: HistoryOptions = {}): Promise<HistoryOnTheWire> {
    return this.#outbox.ask({ ...options, type: "history", channel: this.name });
  }

  /** Who is in the channel now. @param page the `next_page` of an answer. @throws ClientError */
  presence(page?: string): Promise<PresenceFrame> {
    return this.#outbox.ask({ type: "presence", channel: this.name, ...(page && { page }) });
  }

  /**
   * The messages from now on, until the loop is left or the client ends.
   * @throws Error where the loop is more than 1000 messages behind
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message<Data>, void> {
    const waiting: Message<Data>[] = [];
    let isOver = false;
    let wake = () => {};
    const offs = [
      this.on("message", (message) => {
        waiting.push(message);
        wake();
      }),
      this.on("end", () => {
        isOver = true;
        wake();
      }),
    ];
    try {
      for (;;) {
        if (waiting.length > maxBehind) throw new Error("the loop is too far behind");
        const next = waiting.shift();
        if (next) yield next;
        else if (isOver) return;
        else
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
      }
    } finally {
      for (const off of offs) off();
    }
  }
}
