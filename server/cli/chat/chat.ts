import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "../../../client/index.ts";
import { channelNameRuleFor, everyone, parseChannelName } from "../../../protocol/channel-name.ts";
import type { Paint } from "../paint.ts";
import { printable } from "../printable.ts";
import type { Ears } from "./ears.ts";
import type { Screen } from "./screen.ts";
import { chatHelp, parseTyped } from "./slash.ts";
import type { Voice } from "./voice.ts";

/** How long joining a channel is waited for, and how often that is looked at. */
const joinMs = 3000;
const lookMs = 10;

export interface ChatParts {
  readonly client: Client;
  readonly screen: Screen;
  readonly paint: Paint;
  readonly ears: Ears;
  readonly voice: Voice;
}

/** Does what a person types: says it in the channel that is talked in, or obeys it. */
export class Chat {
  readonly #parts: ChatParts;
  #room: string = everyone;

  constructor(parts: ChatParts) {
    this.#parts = parts;
  }

  /**
   * Until the person leaves, or a pipe has ended and everything of it is said.
   * @returns how many lines there were to say or to obey
   */
  async run(): Promise<number> {
    const { screen } = this.#parts;
    this.#prompt();
    let count = 0;
    for (let line = await screen.nextLine(); line !== undefined; line = await screen.nextLine()) {
      if (line.trim() !== "") count++;
      const isOver = await this.#take(line);
      if (isOver) break;
    }
    return count;
  }

  /** Out of a channel that is no longer ours; who talked there talks to everyone again. */
  leave(channel: string): void {
    if (!this.#parts.ears.leave(channel) || this.#room !== channel) return;
    this.#room = everyone;
    this.#prompt();
  }

  /** @returns whether that was the last line */
  async #take(line: string): Promise<boolean> {
    const typed = parseTyped(line);
    if (typed.do === "say") await this.#say(typed.text);
    else if (typed.do === "join") await this.#join(typed.channel);
    else if (typed.do === "leave") this.#leaveAsTold(typed.channel ?? this.#room);
    else if (typed.do === "who") await this.#tellWho();
    else if (typed.do === "help") for (const row of chatHelp) this.#parts.screen.show(row);
    else if (typed.do === "complain") this.#parts.ears.alarm(printable(typed.line));
    return typed.do === "quit";
  }

  async #say(text: string): Promise<void> {
    const { screen, paint, voice } = this.#parts;
    if (!voice.isHeard) screen.show(paint.dim(`(waits for the connection) ${printable(text)}`));
    const said = voice.speak(this.#room, text);
    // A person goes on typing; a pipe waits its turn, and ends when all of it is said.
    if (!screen.isPerson) await said;
  }

  async #join(channel: string): Promise<void> {
    const { ears } = this.#parts;
    if (channel.startsWith("@")) {
      ears.alarm(`/join: ${printable(channel)} is a user's own channel, and only that user's connections are in it`);
      return;
    }
    if (parseChannelName(channel) === undefined) {
      ears.alarm(`/join: expected ${channelNameRuleFor(channel)}`);
      return;
    }
    ears.listen(channel);
    await this.#untilJoined(channel);
    this.#room = channel;
    this.#prompt();
    ears.tell(`You talk in ${channel} now.`);
  }

  /** One's own words are seen like anybody's: by those who were there before they were said. */
  async #untilJoined(channel: string): Promise<void> {
    const { client } = this.#parts;
    const until = performance.now() + joinMs;
    const isThere = () => client.channel(channel).position !== undefined || client.state.status !== "connected";
    while (!isThere() && performance.now() < until) await sleep(lookMs);
  }

  #leaveAsTold(channel: string): void {
    const { ears } = this.#parts;
    if (channel === everyone) {
      ears.alarm("everybody is in all: /quit leaves it");
    } else if (ears.leave(channel)) {
      if (this.#room === channel) this.#room = everyone;
      this.#prompt();
      ears.tell(`You left ${channel}, and talk in ${this.#room}.`);
    } else {
      ears.alarm(`you are not in ${printable(channel)}`);
    }
  }

  async #tellWho(): Promise<void> {
    const { client, ears } = this.#parts;
    try {
      const { count, users, next_page } = await client.channel(this.#room).presence();
      const more = next_page === undefined ? "" : ", and more";
      // The name in front of a line is only what its writer claims. Presence knows those who connected as a user.
      const names =
        users?.length === 0
          ? " (names are listed of those who connect with --user or a token)"
          : `, users: ${users?.map(printable).join(", ")}${more}`;
      ears.tell(`${count} in ${this.#room}${users === undefined ? "" : names}`);
    } catch (error) {
      ears.alarm(`/who: ${printable(error instanceof Error ? error.message : String(error))}`);
    }
  }

  #prompt(): void {
    const { screen, paint } = this.#parts;
    screen.prompt(paint.dim(this.#room === everyone ? "> " : `${this.#room}> `));
  }
}
