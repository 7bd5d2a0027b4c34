import type { Client, ConnectionState, SystemFrame } from "../../../client/index.ts";
import { everyone } from "../../../protocol/channel-name.ts";
import { describeGap, messageLine, systemLine } from "../message-line.ts";
import type { Paint } from "../paint.ts";
import { printable } from "../printable.ts";
import { RecentSenders } from "./recent-senders.ts";
import type { Screen } from "./screen.ts";

export interface ChatDisplayDependencies {
  readonly client: Client;
  readonly screen: Pick<Screen, "show">;
  readonly paint: Paint;
  /** The user's name and the server's address, for the line "Connected to … as …". */
  readonly name: string | undefined;
  readonly place: string;
  /** Called when the server refuses a subscription, or ends one. */
  readonly onRefused: (channel: string) => void;
}

/** Shows everything that arrives: messages, the server's notices, and changes of the connection state. */
export class ChatDisplay {
  readonly #parts: ChatDisplayDependencies;
  /** The subscribed channels, each with the names of its senders. */
  readonly #channels = new Map<string, { readonly unsubscribe: () => void; readonly senders: RecentSenders }>();
  #status: ConnectionState["status"] = "connecting";
  #wasWelcomed = false;

  constructor(parts: ChatDisplayDependencies) {
    this.#parts = parts;
    parts.client.on("state", (state) => this.#onState(state));
    parts.client.on("system", (frame) => this.#onSystem(frame));
    this.subscribe(everyone);
  }

  /** Idempotent. */
  subscribe(name: string): void {
    if (this.#channels.has(name)) return;
    const { screen, paint, onRefused } = this.#parts;
    const channel = this.#parts.client.channel(name);
    const senders = new RecentSenders();
    const offs = [
      channel.on("message", (message) => {
        senders.add(message.sender);
        screen.show(messageLine(message, { paint, showChannel: message.channel !== everyone }));
      }),
      channel.on("gap", (gap) => this.warn(`${name}: ${describeGap(gap)}`)),
      channel.on("error", ({ message }) => {
        this.warn(printable(message));
        onRefused(name);
      }),
    ];
    const unsubscribe = () => {
      for (const off of offs) off();
    };
    this.#channels.set(name, { unsubscribe, senders });
  }

  /** The names in front of the messages shown so far, the latest first. */
  sendersIn(channel: string): readonly string[] {
    return this.#channels.get(channel)?.senders.names ?? [];
  }

  /** @returns false if the channel was not subscribed */
  unsubscribe(name: string): boolean {
    this.#channels.get(name)?.unsubscribe();
    return this.#channels.delete(name);
  }

  notice(line: string): void {
    this.#parts.screen.show(this.#parts.paint.notice(line));
  }

  warn(line: string): void {
    this.#parts.screen.show(this.#parts.paint.error(line));
  }

  #onSystem(frame: SystemFrame): void {
    if (frame.event === "gap") return; // shown by the channel's own "gap" event
    if (frame.event === "closing" || frame.event === "heartbeat") return; // event streams only, handled by the SDK
    const isReconnect = frame.event === "welcome" && this.#wasWelcomed;
    if (frame.event === "welcome") {
      this.#wasWelcomed = true;
      if (frame.user_id !== undefined) this.subscribe(`@${frame.user_id}`);
    }
    const { message, timestamp } = frame;
    if (message !== undefined && !isReconnect)
      this.#parts.screen.show(systemLine({ timestamp, message }, this.#parts.paint));
  }

  /** Reports each disconnect once, not each attempt to reconnect. */
  #onState({ status, code, reason }: ConnectionState): void {
    const { name, place } = this.#parts;
    const as = name === undefined ? "" : ` as ${printable(name)}`;
    if (status === "connected") {
      const isFirst = this.#status === "connecting";
      this.notice(isFirst ? `Connected to ${place}${as}. /help lists the commands, /quit leaves.` : "Reconnected.");
    } else if (this.#status === "connected" && status !== "closed") {
      // A restart (1012) was announced by the server, and 1006 only means that the connection broke.
      const why = reason === "" || code === 1012 || code === 1006 ? "" : ` (${printable(reason)})`;
      this.warn(`Connection lost${why}. Reconnecting …`);
    }
    this.#status = status;
  }
}
