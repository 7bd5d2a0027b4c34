import type { ConnectionState } from "../../client/state.ts";
import { find } from "./element.ts";

/** How often the countdown to the next try is updated. */
const tickMs = 250;

/** The connection state in the header. Screen readers announce a change of the state, but not the countdown beside it. */
export class StateView {
  readonly #place = find("state", HTMLElement);
  readonly #text = find("state-text", HTMLElement);
  readonly #detail = find("state-detail", HTMLElement);
  #timer: ReturnType<typeof setInterval> | undefined;

  show(state: ConnectionState): void {
    clearInterval(this.#timer);
    this.#place.dataset.state = state.status;
    this.#text.textContent = stateText(state);
    const show = () => {
      const detail = stateDetail(state, Date.now());
      this.#detail.textContent = detail;
      this.#detail.title = detail; // a long reason does not fit
    };
    show();
    if (state.status === "reconnecting" && state.nextTryAt !== undefined) this.#timer = setInterval(show, tickMs);
  }
}

export function stateText(state: ConnectionState): string {
  switch (state.status) {
    case "connecting":
      return "Connecting";
    case "connected":
      return "Connected";
    case "reconnecting":
      return "Reconnecting";
    case "offline":
      return "Offline";
    case "closed":
      return state.code === 1000 ? "Disconnected" : "Closed";
  }
}

/** @param now Milliseconds since 1970. */
export function stateDetail(state: ConnectionState, now: number): string {
  switch (state.status) {
    case "reconnecting":
      if (state.nextTryAt === undefined || state.nextTryAt <= now) return "now";
      return `in ${Math.ceil((state.nextTryAt - now) / 1000)} s`;
    case "offline":
      return "until the network is back";
    case "closed":
      return state.code === 1000 ? "" : `${state.reason} (${state.code})`;
    default:
      return "";
  }
}
