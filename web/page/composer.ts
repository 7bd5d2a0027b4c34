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

/** What the form does with what a person does. */
export interface ComposerEvents {
  /** Sends; rejects with an Error that can be shown. */
  send(written: Written): Promise<unknown>;
  onRenamed(name: string): void;
}

/** The form below the messages: a name, a channel, a message, Send, and Send Hello. */
export class Composer {
  readonly #events: ComposerEvents;
  readonly #name = find("name", HTMLInputElement);
  readonly #to = find("to", HTMLSelectElement);
  readonly #message = find("message", HTMLInputElement);
  readonly #error = find("send-error", HTMLElement);
  readonly #waitingText = find("send-waiting", HTMLElement);
  #isConnected = false;
  /** Messages that the server has not acknowledged. */
  #waiting = 0;

  constructor(events: ComposerEvents) {
    this.#events = events;
    this.#name.oninput = () => events.onRenamed(this.name);
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

  /** What is written while there is no connection waits for one, and says so. */
  set isConnected(isConnected: boolean) {
    this.#isConnected = isConnected;
    this.#showWaiting();
  }

  /** On a server that knows who we are the name is not ours to choose. */
  setFixedName(name: string): void {
    this.#name.value = name;
    this.#name.readOnly = true;
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
    const channel = this.#to.value;
    this.#error.textContent = channel === "" ? "Not sent: join a channel first." : "";
    if (channel === "") return false;
    this.#waiting++;
    this.#showWaiting();
    try {
      const sender = this.name === "" ? undefined : this.name;
      await this.#events.send({ channel, message, sender });
      return true;
    } catch (error) {
      this.#error.textContent = `Not sent: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    } finally {
      this.#waiting--;
      this.#showWaiting();
    }
  }

  #showWaiting(): void {
    const isWorthSaying = this.#waiting > 0 && !this.#isConnected;
    const what = this.#waiting === 1 ? "1 message waits" : `${this.#waiting} messages wait`;
    this.#waitingText.textContent = isWorthSaying ? `${what} for the connection.` : "";
  }
}
