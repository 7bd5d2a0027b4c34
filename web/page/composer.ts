import type { ChannelName } from "../../protocol/channel-name.ts";
import { offerChannels } from "./channel-list.ts";
import { find } from "./element.ts";

/** What was written, and where it goes. */
export interface Written {
  readonly channel: string;
  readonly message: string;
  /** Undefined where the name field is empty. */
  readonly sender: string | undefined;
}

/** Sends, and rejects with an Error that can be shown. */
export type Send = (written: Written) => Promise<unknown>;

/** The form below the messages: a name, a channel, a message, Send, and Send Hello. */
export class Composer {
  readonly #send: Send;
  readonly #name = find("name", HTMLInputElement);
  readonly #to = find("to", HTMLSelectElement);
  readonly #message = find("message", HTMLInputElement);
  readonly #error = find("send-error", HTMLElement);

  constructor(send: Send) {
    this.#send = send;
    find("composer", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      void this.#sendWritten();
    };
    find("hello", HTMLButtonElement).onclick = () => void this.#say("Hello");
  }

  get name(): string {
    return this.#name.value.trim();
  }

  set name(name: string) {
    this.#name.value = name;
  }

  /** @param channels those that a client may publish to */
  offer(channels: readonly ChannelName[]): void {
    offerChannels(this.#to, channels);
  }

  async #sendWritten(): Promise<void> {
    const message = this.#message.value;
    this.#message.focus();
    if (message === "") return;
    this.#message.value = "";
    const isSent = await this.#say(message);
    // Gives back what could not be sent, unless something new is being written.
    if (!isSent && this.#message.value === "") this.#message.value = message;
  }

  async #say(message: string): Promise<boolean> {
    try {
      const sender = this.name === "" ? undefined : this.name;
      await this.#send({ channel: this.#to.value, message, sender });
      this.#error.textContent = "";
      return true;
    } catch (error) {
      this.#error.textContent = `Not sent: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    }
  }
}
