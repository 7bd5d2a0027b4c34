import { type ChannelName, channelNameRuleFor, everyone, parseChannelName } from "../../protocol/channel-name.ts";
import { find, make } from "./element.ts";

/** Users that are named; the others are counted. */
const namedUsers = 12;

/** Who is in a channel now, in connections and in users. */
export interface Here {
  readonly count: number;
  /** The first page of them; undefined where only the count may be known. */
  readonly users?: readonly string[];
  /** There are more users than the first page has. */
  readonly next_page?: string;
}

/** What a person can ask for here. */
export interface ChannelListEvents {
  onJoin(channel: ChannelName): void;
  onLeave(channel: ChannelName): void;
}

/** The channels this page is in, who else is there, and the field to join one more. */
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
      this.#name.focus(); // the button goes away, and the focus must not go with it
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

  /** @param here undefined where it is not known */
  setHere(channel: ChannelName, here: Here | undefined): void {
    const row = this.#rows.get(channel);
    if (row !== undefined) row.here.textContent = here === undefined ? "" : hereText(here);
  }

  /** @param problem empty where there is none (any more) */
  tell(problem: string): void {
    this.#error.textContent = problem;
  }

  #join(): void {
    const text = this.#name.value.trim();
    const channel = parseChannelName(text);
    if (channel === undefined) {
      this.tell(text === "" ? "Which channel? For example room:1." : `Expected ${channelNameRuleFor(text)}.`);
      this.#name.focus();
      return;
    }
    this.tell("");
    this.#name.value = "";
    this.#events.onJoin(channel);
  }
}

/** `3 here: alice, bob`; connections that belong to nobody are counted only. */
export function hereText({ count, users = [], next_page }: Here): string {
  const named = users.slice(0, namedUsers);
  const more = users.length - named.length;
  const names = more > 0 ? [...named, next_page === undefined ? `${more} more` : `more than ${more} others`] : named;
  return names.length === 0 ? `${count} here` : `${count} here: ${names.join(", ")}`;
}

/** Shows these channels in a selection, and keeps what was chosen as long as it is among them. */
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
