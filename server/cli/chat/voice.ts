import type { Client } from "../../../client/index.ts";
import { everyone } from "../../../protocol/channel-name.ts";
import type { Clock } from "../../lib/clock.ts";
import { printable } from "../printable.ts";
import { ChatOutbox } from "./outbox.ts";

export interface VoiceParts {
  readonly client: Client;
  readonly clock: Clock;
  /** What stands before one's words; undefined where the server says it. */
  readonly name: string | undefined;
  /** Tells the person what could not be said. */
  readonly complain: (line: string) => void;
}

/** Says what a person types. A line counts as said when the server has it for certain. */
export class Voice {
  readonly #parts: VoiceParts;
  readonly #outbox: ChatOutbox;
  #userId: string | undefined;
  #waiting = 0;
  #unsaid = 0;
  /** Everyone's last message when the connection began; undefined once it has been seen. Only then new lines are said. */
  #catchUpTo: number | undefined = Number.POSITIVE_INFINITY;

  constructor(parts: VoiceParts) {
    const { client, clock, complain } = parts;
    this.#parts = parts;
    this.#outbox = new ChatOutbox({
      say: (text) => this.#say(text),
      complain,
      giveUp: (line, why) => this.#giveUp(line, why),
      clock,
    });
    client.on("state", ({ status }) => {
      if (status !== "connected") this.#outbox.hold();
    });
    client.on("system", (frame) => {
      if (frame.event !== "welcome") return;
      this.#userId = frame.user_id;
      this.#catchUpTo = frame.channels[everyone]?.offset ?? 0;
      this.#look();
    });
    client.on("error", ({ code, message }) => this.#outbox.refuse(code, message));
    client.channel(everyone).on("message", ({ sender, message }) => {
      // A secured server names its own user instead, or nobody.
      const isOwn = sender === undefined || sender === this.#parts.name || sender === this.#userId;
      if (isOwn && message !== undefined) this.#outbox.see(message);
      this.#look();
    });
    client.channel(everyone).on("gap", () => this.#look());
  }

  /** Whether what is said goes out at once. */
  get isHeard(): boolean {
    return this.#parts.client.state.status === "connected";
  }

  /** Of the lines that were given to `speak`: how many were given up, and how many are still on their way. */
  get tally(): { readonly unsaid: number; readonly waiting: number } {
    return { unsaid: this.#unsaid, waiting: this.#waiting };
  }

  /** Resolves once the server has it, or refused it: that is told. */
  async speak(room: string, text: string): Promise<void> {
    this.#waiting++;
    await (room === everyone ? this.#outbox.send(text) : this.#publish(room, text));
    this.#waiting--;
  }

  async #publish(room: string, text: string): Promise<void> {
    const { client, name } = this.#parts;
    const sender = name === undefined ? {} : { sender: name };
    try {
      await client.channel(room).publish(undefined, { message: text, ...sender });
    } catch (error) {
      this.#giveUp(text, error instanceof Error ? error.message : String(error));
    }
  }

  #giveUp(text: string, why: string): void {
    this.#unsaid++;
    this.#parts.complain(`not sent: "${printable(text)}": ${printable(why)}`);
  }

  #say(text: string): boolean {
    if (!this.isHeard || this.#catchUpTo !== undefined) return false;
    // Connected, it is sent at once; a refusal comes as the client's `error`.
    void this.#parts.client.say(text, this.#parts.name);
    return true;
  }

  /** What was on its way when a connection broke may be among what was missed: it is said again only after that. */
  #look(): void {
    if (this.#catchUpTo === undefined) return;
    const position = this.#parts.client.channel(everyone).position;
    if (position !== undefined && position.offset < this.#catchUpTo) return;
    this.#catchUpTo = undefined;
    this.#outbox.sayFirst();
  }
}
