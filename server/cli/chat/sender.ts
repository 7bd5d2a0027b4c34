import { type Client, ClientError } from "../../../client/index.ts";
import { everyone } from "../../../protocol/channel-name.ts";
import type { Clock } from "../../lib/clock.ts";
import { printable } from "../printable.ts";
import { ChatOutbox } from "./outbox.ts";

export interface ChatSenderDependencies {
  readonly client: Client;
  readonly clock: Clock;
  /** The sender's name; undefined if the server takes it from the token. */
  readonly name: string | undefined;
  /** Shows the user what could not be sent. */
  readonly warn: (line: string) => void;
}

/** Characters of a refused line that are shown. */
const shownLength = 60;

/** Sends what the user types. A line counts as sent once the server has confirmed it. */
export class ChatSender {
  readonly #parts: ChatSenderDependencies;
  readonly #outbox: ChatOutbox;
  #userId: string | undefined;
  #pending = 0;
  #failed = 0;
  /**
   * The last offset of the channel `all` when the connection was opened; undefined once that message has arrived. Lines are
   * sent only after that: the echo of a line that was in flight when the connection broke may be among the missed messages.
   */
  #catchUpTo: number | undefined = Number.POSITIVE_INFINITY;

  constructor(parts: ChatSenderDependencies) {
    const { client, clock, warn } = parts;
    this.#parts = parts;
    this.#outbox = new ChatOutbox({
      send: (text) => this.#sendToAll(text),
      warn,
      onFailed: (line, why) => this.#onFailed(line, why),
      clock,
    });
    client.on("state", ({ status }) => {
      if (status !== "connected") this.#outbox.pause();
    });
    client.on("system", (frame) => {
      if (frame.event !== "welcome") return;
      this.#userId = frame.user_id;
      this.#catchUpTo = frame.channels[everyone]?.offset ?? 0;
      this.#checkCaughtUp();
    });
    client.on("error", ({ code, message }) => this.#outbox.refuse(code, message));
    client.channel(everyone).on("message", ({ sender, message }) => {
      // A secured server replaces the name by the user id, or removes it.
      const isOwn = sender === undefined || sender === this.#parts.name || sender === this.#userId;
      if (isOwn && message !== undefined) this.#outbox.confirm(message);
      this.#checkCaughtUp();
    });
    client.channel(everyone).on("gap", () => this.#checkCaughtUp());
  }

  /** Whether a line can be sent at once. */
  get isConnected(): boolean {
    return this.#parts.client.state.status === "connected";
  }

  /** How many lines have failed, and how many are still in flight. */
  get counts(): { readonly failed: number; readonly pending: number } {
    return { failed: this.#failed, pending: this.#pending };
  }

  /** Resolves once the server has confirmed or refused the text. A refusal is shown to the user. */
  async send(room: string, text: string): Promise<void> {
    this.#pending++;
    await (room === everyone ? this.#outbox.send(text) : this.#publish(room, text));
    this.#pending--;
  }

  async #publish(room: string, text: string): Promise<void> {
    const { client, name } = this.#parts;
    const sender = name === undefined ? {} : { sender: name };
    try {
      await client.channel(room).publish(undefined, { message: text, ...sender });
    } catch (error) {
      this.#onFailed(text, error instanceof Error ? error.message : String(error));
    }
  }

  #onFailed(text: string, why: string): void {
    this.#failed++;
    this.#parts.warn(`not sent: "${printable(shortened(text))}": ${printable(why)}`);
  }

  #sendToAll(text: string): boolean {
    if (!this.isConnected || this.#catchUpTo !== undefined) return false;
    // The client is connected, so the text goes out now. A refusal of the server arrives as the client's `error` event; the
    // client itself refuses messages above the server's limit.
    this.#parts.client.say(text, this.#parts.name).catch((error: unknown) => {
      if (error instanceof ClientError && error.code !== "closed") this.#outbox.refuse(error.code, error.message);
    });
    return true;
  }

  #checkCaughtUp(): void {
    if (this.#catchUpTo === undefined) return;
    const position = this.#parts.client.channel(everyone).position;
    if (position !== undefined && position.offset < this.#catchUpTo) return;
    this.#catchUpTo = undefined;
    this.#outbox.sendFirst();
  }
}

function shortened(text: string): string {
  return text.length <= shownLength ? text : `${text.slice(0, shownLength)}… (${text.length} characters)`;
}
