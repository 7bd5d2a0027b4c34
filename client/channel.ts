import type { HistoryOnTheWire, PublishCommand } from "../protocol/client-codec.ts";
import type { AckFrame, PresenceFrame } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import type { ChannelEvents, ChannelOptions, Message } from "./feed.ts";
import type { Outbox } from "./outbox.ts";
import { checkData } from "./schema.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** What can be said of a publication beside its data. */
export type PublishOptions = Omit<PublishCommand, "type" | "channel" | "data">;

export interface HistoryOptions {
  /** From where: a position, `earliest`, a duration such as `2m`, `last:10`. Absent: the last ones. */
  readonly since?: Position | string;
  readonly limit?: number;
}

/**
 * One channel of one client. It is subscribed to as long as anybody listens to anything of it; several objects of the same
 * name share that. In a loop (`for await`) it gives the messages from now on, until the loop is left or the client ends; the
 * loop fails where it is more than 1000 messages behind.
 */
export interface Channel<Input = unknown, Data = Input> extends AsyncIterable<Message<Data>, void> {
  readonly name: string;
  /** The last publication that was handed over or reported as missing; undefined while nobody listens. */
  readonly position: Position | undefined;
  /** @returns takes the handler away; when nobody listens any more, the channel is left. */
  on<Name extends keyof ChannelEvents>(name: Name, handler: (value: ChannelEvents<Data>[Name]) => void): () => void;
  /**
   * Publishes, over as many connections as it takes: each try carries the same id, so it is stored once.
   * @returns the server's acknowledgement: it is stored
   * @throws ClientError, or TypeError where the data breaks the schema or cannot be JSON
   */
  publish(data?: Input, options?: PublishOptions): Promise<AckFrame>;
  /** A stretch of the history, oldest first, whether or not anybody listens. @throws ClientError */
  history(options?: HistoryOptions): Promise<HistoryOnTheWire>;
  /** Who is in the channel now. @param page the `next_page` of an answer. @throws ClientError */
  presence(page?: string): Promise<PresenceFrame>;
  [Symbol.asyncIterator](): AsyncGenerator<Message<Data>, void>;
}

export function makeChannel<Input, Data>(
  name: string,
  options: ChannelOptions<Input, Data>,
  subscriptions: Subscriptions,
  { ask }: Outbox,
): Channel<Input, Data> {
  // What comes was checked against this channel's schema, if it has one, and is believed if it has none.
  const on: Channel<Input, Data>["on"] = (event, handler) =>
    subscriptions.listen(name, options, event, handler as (value: ChannelEvents[typeof event]) => void);
  return {
    name,
    get position() {
      return subscriptions.positionOf(name);
    },
    on,
    async publish(data, more) {
      const { schema } = options;
      if (schema) checkData(schema, data);
      // Not randomUUID: pages that were not served over TLS do not have it.
      const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
      return ask({ id, ...more, type: "publish", channel: name, data });
    },
    history: (more) => ask({ ...more, type: "history", channel: name }),
    presence: (page) => ask({ type: "presence", channel: name, page }),
    async *[Symbol.asyncIterator]() {
      const waiting: Message<Data>[] = [];
      let { isOver } = subscriptions;
      let wake = () => {};
      const offs = [
        on("message", (message) => {
          waiting.push(message);
          wake();
        }),
        on("end", () => {
          isOver = true;
          wake();
        }),
      ];
      try {
        for (;;) {
          if (waiting.length > 1000) throw new Error("too far behind");
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
    },
  };
}
