import type { ChannelName } from "../../protocol/channel-name.ts";
import { offerChannels } from "./channel-list.ts";
import { parseExactly } from "./data-text.ts";
import { find } from "./element.ts";

/** A message to send, as entered in the form. Empty fields are left out. */
export interface Written {
  readonly channel: string;
  readonly message?: string;
  /** In place of `message`, if the form sends JSON. */
  readonly data?: unknown;
  readonly event?: string;
  readonly sender?: string;
}

/** The actions of the form. */
export interface ComposerEvents {
  /** Sends the message. Rejects with an Error whose message can be shown. */
  send(written: Written): Promise<unknown>;
  onRenamed(name: string): void;
}

/** The form below the messages: a name, a channel, an event, a message as text or JSON, Send, and Send Hello. */
export class Composer {
  readonly #events: ComposerEvents;
  readonly #name = find("name", HTMLInputElement);
  readonly #to = find("to", HTMLSelectElement);
  readonly #event = find("event", HTMLInputElement);
  readonly #format = find("format", HTMLSelectElement);
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
    find("hello", HTMLButtonElement).onclick = () => void this.#send(() => ({ message: "Hello" }));
    this.#format.onchange = () => {
      this.#message.placeholder = this.#isJson ? '{"order":42}' : "";
    };
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

  /** Selects a channel that was offered. */
  choose(channel: ChannelName): void {
    this.#to.value = channel;
  }

  get #isJson(): boolean {
    return this.#format.value === "json";
  }

  async #sendWritten(): Promise<void> {
    const text = this.#message.value;
    this.#message.focus();
    if (text === "") return;
    this.#message.value = "";
    const isSent = await this.#send(() => ({
      ...(this.#isJson ? { data: parseExactly(text) } : { message: text }),
      ...(this.#event.value === "" ? {} : { event: this.#event.value }),
    }));
    // Puts the text back if it could not be sent, unless a new message has been started.
    if (!isSent && this.#message.value === "") this.#message.value = text;
  }

  /** @param body throws an Error whose message can be shown */
  async #send(body: () => Omit<Written, "channel" | "sender">): Promise<boolean> {
    const channel = this.#to.value;
    this.#error.textContent = channel === "" ? "Not sent: join a channel first." : "";
    if (channel === "") return false;
    this.#waiting++;
    this.#showWaiting();
    try {
      await this.#events.send({ channel, ...body(), ...(this.name === "" ? {} : { sender: this.name }) });
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#error.textContent = error instanceof SyntaxError ? `Not sent, not JSON: ${why}` : `Not sent: ${why}`;
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
