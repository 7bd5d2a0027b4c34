import { type ChannelName, channelNameRuleFor, everyone, parseChannelName } from "../../protocol/channel-name.ts";
import { find, make } from "./element.ts";

/** How many users are listed by name; the rest are only counted. */
const namedUsers = 12;

/** The connections and users in a channel. */
export interface PresentUsers {
  readonly count: number;
  /** The first page of users; undefined if the client may only know the count. */
  readonly users?: readonly string[];
  /** The connections of these users; `info.name` is shown instead of the user's id. */
  readonly members?: readonly { readonly user_id?: string; readonly info?: unknown }[];
  /** Set if there are more users than the first page holds. */
  readonly next?: string;
}

/** The actions of the user. */
export interface ChannelListEvents {
  onJoin(channel: ChannelName): void;
  onLeave(channel: ChannelName): void;
}

/** The channels this page has joined, the users in them, and the field to join another one. */
export class ChannelList {
  readonly #events: ChannelListEvents;
  readonly #list = find("channels", HTMLUListElement);
  readonly #name = find("join-name", HTMLInputElement);
  readonly #error = find("join-error", HTMLElement);
  readonly #rows = new Map<ChannelName, { readonly row: HTMLLIElement; readonly here: HTMLElement }>();

  constructor(events: ChannelListEvents) {
    this.#events = events;
    find("join", HTMLFormElement).onsubmit = (event) => {
      event.preventDefault();
      this.#join();
    };
  }

  add(channel: ChannelName): void {
    if (this.#rows.has(channel)) return;
    const leave = make("button", "quiet", "Leave");
    leave.type = "button";
    leave.setAttribute("aria-label", `Leave ${channel}`);
    leave.onclick = () => {
      this.#name.focus(); // the button is about to be removed, and keyboard focus must not be lost
      this.#events.onLeave(channel);
    };
    const here = make("p", "here");
    const row = make("li", "", make("span", "name", channel), leave, here);
    this.#rows.set(channel, { row, here });
    this.#list.append(row);
  }

  remove(channel: ChannelName): void {
    this.#rows.get(channel)?.row.remove();
    this.#rows.delete(channel);
  }

  /** @param here undefined if it is not known */
  setPresentUsers(channel: ChannelName, here: PresentUsers | undefined): void {
    const row = this.#rows.get(channel);
    if (row !== undefined) row.here.textContent = here === undefined ? "" : presentUsersText(here);
  }

  /** @param problem empty to clear the message */
  showError(problem: string): void {
    this.#error.textContent = problem;
  }

  #join(): void {
    const text = this.#name.value.trim();
    const channel = parseChannelName(text);
    if (channel === undefined) {
      this.showError(text === "" ? "Enter a channel, for example room:1." : `Expected ${channelNameRuleFor(text)}.`);
      this.#name.focus();
      return;
    }
    this.showError("");
    this.#name.value = "";
    this.#events.onJoin(channel);
  }
}

/** `3 here: alice, bob`. Connections without a user are only counted. */
export function presentUsersText({ count, users = [], members = [], next }: PresentUsers): string {
  const nameOf = new Map(
    members.flatMap(({ user_id, info }) => (user_id === undefined ? [] : [[user_id, nameIn(info)]])),
  );
  const named = users.slice(0, namedUsers).map((user) => nameOf.get(user) ?? user);
  const more = users.length - named.length;
  const names = more > 0 ? [...named, next === undefined ? `${more} more` : `more than ${more} others`] : named;
  return names.length === 0 ? `${count} here` : `${count} here: ${names.join(", ")}`;
}

function nameIn(info: unknown): string | undefined {
  const name = typeof info === "object" && info !== null && "name" in info ? info.name : undefined;
  return typeof name === "string" ? name : undefined;
}

/** Sets the options of a select element to these channels, and keeps the selection if it is still among them. */
export function offerChannels(select: HTMLSelectElement, channels: readonly ChannelName[]): void {
  const chosen = select.value;
  const options = channels.map((channel) => {
    const option = make("option", "", channel === everyone ? "all (everyone)" : channel);
    option.value = channel;
    return option;
  });
  select.replaceChildren(...options);
  if (channels.some((it) => it === chosen)) select.value = chosen;
}
