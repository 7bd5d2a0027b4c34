import type { DrainingFrame } from "../../protocol/frames.ts";
import { find } from "./element.ts";
import { timeLeft } from "./time-text.ts";

/** How often the countdown is updated. */
const tickMs = 250;

/** Says that the server is shutting down, and counts down until it closes this connection. */
export class DrainNotice {
  readonly #place = find("draining", HTMLElement);
  readonly #text = find("draining-text", HTMLElement);
  readonly #countdown = find("countdown", HTMLElement);
  #timer: ReturnType<typeof setInterval> | undefined;

  show({ deadline_ms, successor }: Pick<DrainingFrame, "deadline_ms" | "successor">): void {
    const until = performance.now() + deadline_ms;
    const show = () => {
      this.#countdown.textContent = timeLeft(until - performance.now());
    };
    clearInterval(this.#timer);
    this.#timer = setInterval(show, tickMs);
    show();
    this.#place.hidden = false;
    this.#text.textContent = successor
      ? "The server is shutting down. This page switches to its replacement."
      : "The server is shutting down. This page stays connected to the end, and reconnects when a server is back.";
  }

  hide(): void {
    clearInterval(this.#timer);
    this.#place.hidden = true;
    this.#text.textContent = "";
  }
}
