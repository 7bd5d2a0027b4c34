import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../../client/index.ts";
import { channelNameRuleFor, everyone, parseChannelName } from "../../../protocol/channel-name.ts";
import type { PresenceMember } from "../../../protocol/frames.ts";
import { CommandError } from "../context.ts";
import type { Paint } from "../paint.ts";
import { printable } from "../printable.ts";
import type { ChatDisplay } from "./display.ts";
import { chatHelp, parseChatInput } from "./input.ts";
import type { Screen } from "./screen.ts";
import type { ChatSender } from "./sender.ts";

/** How long to wait until a channel is joined, and how often to check. Milliseconds. */
const joinTimeoutMs = 3000;
const joinCheckMs = 10;

export interface ChatDependencies {
  readonly client: Client;
  readonly screen: Screen;
  readonly paint: Paint;
  readonly display: ChatDisplay;
  readonly sender: ChatSender;
}

/** Handles what the user types: sends it to the current channel, or runs it as a command. */
export class Chat {
  readonly #parts: ChatDependencies;
  /** The current channel: typed lines are published to it. */
  #room: string = everyone;

  constructor(parts: ChatDependencies) {
    this.#parts = parts;
  }

  /**
   * Runs until the user quits, or until a pipe has ended and all its lines are sent.
   * @returns how many lines were not empty
   */
  async run(): Promise<number> {
    const { screen } = this.#parts;
    this.#prompt();
    let count = 0;
    for (let line = await screen.nextLine(); line !== undefined; line = await screen.nextLine()) {
      if (line.trim() !== "") count++;
      const isOver = await this.#handleLine(line);
      if (isOver) break;
    }
    return count;
  }

  /** Leaves a channel that the server no longer allows. If it was the current channel, `all` becomes the current one. */
  leave(channel: string): void {
    if (!this.#parts.display.unsubscribe(channel) || this.#room !== channel) return;
    this.#room = everyone;
    this.#prompt();
  }

  /** @returns whether that was the last line */
  async #handleLine(line: string): Promise<boolean> {
    const input = parseChatInput(line);
    if (input.kind === "text") await this.#send(input.text);
    else if (input.kind === "join") await this.#join(input.channel);
    else if (input.kind === "leave") this.#handleLeave(input.channel ?? this.#room);
    else if (input.kind === "who") await this.#showWho();
    else if (input.kind === "help") for (const row of chatHelp) this.#parts.screen.show(row);
    else if (input.kind === "invalid") this.#refuse(input.problem);
    return input.kind === "quit";
  }

  /** A script would send its next lines to the wrong channel, so it ends here. @throws CommandError if no person typed it */
  #refuse(problem: string): void {
    if (!this.#parts.screen.isPerson) throw new CommandError(printable(problem));
    this.#parts.display.warn(printable(problem));
  }

  async #send(text: string): Promise<void> {
    const { screen, paint, sender } = this.#parts;
    if (!sender.isConnected) screen.show(paint.dim(`(waiting for the connection) ${printable(text)}`));
    const sent = sender.send(this.#room, text);
    // A person can type on while a line is being sent. A pipe waits, so that it ends only when everything is sent.
    if (!screen.isPerson) await sent;
  }

  async #join(channel: string): Promise<void> {
    const { display } = this.#parts;
    if (channel.startsWith("@")) {
      this.#refuse(`/join: ${channel} is a user's own channel. Only that user's connections can join it.`);
      return;
    }
    if (parseChannelName(channel) === undefined) {
      this.#refuse(`/join: expected ${channelNameRuleFor(channel)}`);
      return;
    }
    display.subscribe(channel);
    await this.#untilJoined(channel);
    this.#room = channel;
    this.#prompt();
    display.notice(`You joined ${channel}. Your next messages go there.`);
  }

  /** Waits for the subscription, so that the sender receives its own next line as a message of the channel. */
  async #untilJoined(channel: string): Promise<void> {
    const { client } = this.#parts;
    const until = performance.now() + joinTimeoutMs;
    const isThere = () => client.channel(channel).position !== undefined || client.state.status !== "connected";
    while (!isThere() && performance.now() < until) await sleep(joinCheckMs);
  }

  #handleLeave(channel: string): void {
    const { display } = this.#parts;
    if (channel === everyone) {
      display.warn("/leave: you cannot leave the channel all; /quit leaves the chat");
    } else if (display.unsubscribe(channel)) {
      if (this.#room === channel) this.#room = everyone;
      this.#prompt();
      display.notice(`You left ${channel}. Your next messages go to ${this.#room}.`);
    } else {
      display.warn(`/leave: you are not in ${printable(channel)}`);
    }
  }

  async #showWho(): Promise<void> {
    const { client, display } = this.#parts;
    try {
      const { count, members = [], next } = await client.channel(this.#room).presence();
      const names = listOf(namesOf(members));
      const more = next === undefined ? "" : ", and more";
      display.notice(`${count} in ${this.#room}${names === "" ? "" : `: ${names}${more}`}`);
      // Presence only knows clients that connected as a user. A name given with --name is known from messages.
      const senders = display.sendersIn(this.#room);
      if (senders.length > 0) display.notice(`names in recent messages: ${listOf(senders)}`);
    } catch (error) {
      display.warn(`/who: ${printable(error instanceof Error ? error.message : String(error))}`);
    }
  }

  #prompt(): void {
    const { screen, paint } = this.#parts;
    screen.prompt(paint.dim(this.#room === everyone ? "> " : `${this.#room}> `));
  }
}

/** Users once each, by the name that their token gives them. */
function namesOf(members: readonly PresenceMember[]): readonly string[] {
  const names = new Map<string, string>();
  for (const { user_id, info } of members) {
    if (user_id === undefined) continue;
    const name = typeof info === "object" && info !== null && "name" in info ? info.name : undefined;
    names.set(user_id, typeof name === "string" && name !== user_id ? `${name} (${user_id})` : user_id);
  }
  return [...names.values()];
}

function listOf(names: readonly string[]): string {
  return names.map(printable).join(", ");
}
