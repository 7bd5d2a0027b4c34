import { find, make } from "./element.ts";
import type { OnFrame } from "./environment.ts";
import { timeOfDay } from "./time-text.ts";

/** How many frames are kept. */
const maxFrames = 100;
/** Longer frames, such as batches of messages, are cut. Characters. */
const maxLength = 2000;

interface Frame {
  readonly direction: Parameters<OnFrame>[0];
  readonly text: string;
  readonly atMs: number;
}

/** The latest frames as they are on the wire, the newest at the top. Drawn only while the section is open. */
export class FrameList {
  readonly #section = find("frames", HTMLDetailsElement);
  readonly #list = find("frame-list", HTMLOListElement);
  #frames: readonly Frame[] = [];
  #isDrawing = false;

  constructor() {
    this.#section.ontoggle = () => this.#draw();
  }

  readonly add: OnFrame = (direction, text) => {
    this.#frames = [{ direction, text, atMs: Date.now() }, ...this.#frames.slice(0, maxFrames - 1)];
    if (this.#isDrawing || !this.#section.open) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => this.#draw());
  };

  #draw(): void {
    this.#isDrawing = false;
    this.#list.replaceChildren(...(this.#section.open ? this.#frames.map(row) : []));
  }
}

function row({ direction, text, atMs }: Frame): HTMLLIElement {
  const rest = text.length - maxLength;
  const shown = rest > 0 ? `${text.slice(0, maxLength)}… (${rest} more characters)` : text;
  return make("li", direction, make("small", "", `${timeOfDay(atMs)} ${direction}`), make("code", "", shown));
}
