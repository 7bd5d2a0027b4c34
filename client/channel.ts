import type { PublishCommand, WireHistory } from "../protocol/client-codec.ts";
import type { AckFrame, PresenceFrame } from "../protocol/frames.ts";
import type { Position } from "../protocol/position.ts";
import type { ChannelEvents, ChannelOptions, Message } from "./channel-options.ts";
import type { Outbox } from "./outbox.ts";
import { checkData } from "./schema.ts";
import type { Subscriptions } from "./subscriptions.ts";

/** Optional fields of a publication. */
export type PublishOptions = Omit<PublishCommand, "type" | "channel" | "data">;

export interface HistoryOptions {
  /** Where to start: a position, `earliest`, a duration such as `2m`, `last:10`. Default: the latest publications. */
  readonly since?: Position | string | undefined;
  readonly limit?: number | undefined;
}

/**
 * One channel of one client. It stays subscribed while it has at least one handler; objects with the same name share one
 * subscription. As an async iterator (`for await`) it yields the messages from now on, until the loop ends or the client
 * closes; the loop throws if it falls more than 1000 messages behind.
 */
export interface Channel<Input = unknown, Data = Input> extends AsyncIterable<Message<Data>, void> {
  readonly name: string;
  /** The last publication that was delivered or reported as missing; undefined while there are no handlers. */
  readonly position: Position | undefined;
  /** @returns removes the handler; without handlers the channel is unsubscribed. */
  on<Name extends keyof ChannelEvents>(name: Name, handler: (value: ChannelEvents<Data>[Name]) => void): () => void;
  /**
   * Publishes, and retries over later connections until the server answers. Every try carries the same id, so the message is stored once.
   * @returns the server's acknowledgement that it is stored
   * @throws ClientError, or TypeError if the data breaks the schema or cannot be JSON
   */
  publish(data?: Input, options?: PublishOptions): Promise<AckFrame>;
  /** A page of the history, oldest first. Works without handlers. @throws ClientError */
  history(options?: HistoryOptions): Promise<WireHistory>;
  /** Who is in the channel now. @param page the `next` of an answer. @throws ClientError */
  presence(page?: string): Promise<PresenceFrame>;
  [Symbol.asyncIterator](): AsyncGenerator<Message<Data>, void>;
}

export function makeChannel<Input, Data>(
  name: string,
  options: ChannelOptions<Input, Data>,
  subscriptions: Subscriptions,
  { ask }: Outbox,
): Channel<Input, Data> {
  // Messages were checked against this channel's schema if it has one; without a schema the type is trusted.
  const on: Channel<Input, Data>["on"] = (event, handler) =>
    subscriptions.listen(name, options, event, handler as (value: ChannelEvents[typeof event]) => void);
  return {
    name,
    get position() {
      return subscriptions.positionOf(name);
    },
    on,
    async publish(data, more) {
      checkData(options.schema, data);
      // Not randomUUID: it is missing in pages that are not served over TLS.
      const id = more?.id ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
      return ask({ ...more, id, type: "publish", channel: name, data });
    },
    history: (more) => ask({ ...more, type: "history", channel: name }),
    presence: (page) => ask({ type: "presence", channel: name, page }),
    [Symbol.asyncIterator]() {
      // `undefined` means the end.
      const waiting: (Message<Data> | undefined)[] = [];
      let wake: ((value?: unknown) => void) | undefined;
      const add = (next?: Message<Data>) => {
        waiting.push(next);
        wake?.();
      };
      const messages = (async function* () {
        const offMessage = on("message", add);
        const offEnd = on("end", add);
        if (subscriptions.isOver) add();
        try {
          for (;;) {
            if (waiting.length > 1000) throw new Error("too far behind");
            if (!waiting.length)
              await new Promise((resolve) => {
                wake = resolve;
              });
            const next = waiting.shift();
            if (!next) return;
            yield next;
          }
        } finally {
          offMessage();
          offEnd();
        }
      })();
      const end = messages.return.bind(messages);
      // A generator handles `return` after the `next` before it, which may wait for a message that never comes.
      messages.return = (value) => {
        add();
        return end(value);
      };
      return messages;
    },
  };
}
