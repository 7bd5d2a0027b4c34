import type { ChannelName } from "../../protocol/channel-name.ts";
import { offerChannels } from "./channel-list.ts";
import { find } from "./element.ts";

/** A message to send, as entered in the form. */
export interface Written {
  readonly channel: string;
  readonly message: string;
  /** Undefined if the name field is empty. */
  readonly sender: string | undefined;
}

/** The actions of the form. */
export interface ComposerEvents {
  /** Sends the message. Rejects with an Error whose message can be shown. */
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
  /** Number of messages that the server has not acknowledged. */
  #waiting = 0;

  constructor(events: ComposerEvents) {
    this.#events = events;
    this.#name.oninput = () => events.onRenamed(this.name);
    find("composer", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      void this.#sendWritten();
    };
    find("hello", HTMLButtonElement).onclick = () => void this.#sendText("Hello");
  }

  get name(): string {
    return this.#name.value.trim();
  }

  set name(name: string) {
    this.#name.value = name;
  }

  /** Without a connection, messages wait, and the form says so. */
  set isConnected(isConnected: boolean) {
    this.#isConnected = isConnected;
    this.#showWaiting();
  }

  /** Used on a server that identifies the user: the name cannot be changed then. */
  setFixedName(name: string): void {
    this.#name.value = name;
    this.#name.readOnly = true;
  }

  /** @param channels those that this client may publish to */
  offer(channels: readonly ChannelName[]): void {
    offerChannels(this.#to, channels);
  }

  async #sendWritten(): Promise<void> {
    const message = this.#message.value;
    this.#message.focus();
    if (message === "") return;
    this.#message.value = "";
    const isSent = await this.#sendText(message);
    // Puts the text back if it could not be sent, unless a new message has been started.
    if (!isSent && this.#message.value === "") this.#message.value = message;
  }

  async #sendText(message: string): Promise<boolean> {
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
    const isShown = this.#waiting > 0 && !this.#isConnected;
    const what = this.#waiting === 1 ? "1 message waits" : `${this.#waiting} messages wait`;
    this.#waitingText.textContent = isShown ? `${what} for the connection.` : "";
  }
}
