import type { DrainingFrame } from "../../protocol/frames.ts";
import { find } from "./element.ts";
import { timeLeft } from "./time-text.ts";

/** How often the countdown is looked at. */
const tickMs = 250;

/** Says that the server is shutting down, and counts down to the moment when it closes this connection. */
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
      ? "The server is shutting down. This page moves to the one that takes its place."
      : "The server is shutting down. This page stays to the end, and connects again when a server is back.";
  }

  hide(): void {
    clearInterval(this.#timer);
    this.#place.hidden = true;
    this.#text.textContent = "";
  }
}
