import { find, make } from "./element.ts";
import type { Line } from "./line.ts";
import { timeOfDay } from "./time-text.ts";

/** How many lines are kept, so that a page left open over night stays quick. */
const maxLines = 500;
/** How near the end counts as being there, pixels. */
const nearPx = 32;

/**
 * The newest lines, the last at the bottom. Who has scrolled up to read stays there, and is told how many came since.
 * Drawn once per frame of the screen, however many lines come.
 */
export class MessageList {
  readonly #scroller = find("log", HTMLElement);
  readonly #list = find("messages", HTMLOListElement);
  readonly #empty = find("empty", HTMLElement);
  readonly #toNewest = find("to-newest", HTMLButtonElement);
  #waiting: Line[] = [];
  #isDrawing = false;
  #unseen = 0;
  /** Whether the end was in sight when last looked: what happens to the size of the window does not change that. */
  #isFollowing = true;

  constructor() {
    find("clear", HTMLButtonElement).onclick = () => this.#clear();
    this.#toNewest.onclick = () => {
      this.#goToEnd();
      this.#scroller.focus();
    };
    this.#scroller.onscroll = () => {
      this.#isFollowing = this.#isAtEnd();
      if (this.#isFollowing) this.#sawAll();
    };
    new ResizeObserver(() => this.#isFollowing && this.#goToEnd()).observe(this.#scroller);
  }

  add(line: Line): void {
    this.#waiting.push(line);
    // A tab in the background draws nothing: what would be cut off anyway is not kept for it.
    if (this.#waiting.length > 2 * maxLines) this.#waiting = this.#waiting.slice(-maxLines);
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#isDrawing = false;
    const lines = this.#waiting.slice(-maxLines);
    this.#waiting = [];
    this.#list.append(...lines.map(row));
    while (this.#list.childElementCount > maxLines) this.#list.firstElementChild?.remove();
    this.#empty.hidden = true;
    if (this.#isFollowing) this.#goToEnd();
    else this.#tellUnseen(lines.length);
  }

  #tellUnseen(count: number): void {
    this.#unseen += count;
    this.#toNewest.textContent = `${this.#unseen} new ↓`;
    this.#toNewest.hidden = false;
  }

  #sawAll(): void {
    this.#unseen = 0;
    this.#toNewest.hidden = true;
  }

  #goToEnd(): void {
    this.#isFollowing = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#sawAll();
  }

  #isAtEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < nearPx;
  }

  #clear(): void {
    this.#waiting = [];
    this.#list.replaceChildren();
    this.#empty.hidden = false;
    this.#goToEnd();
  }
}

function row(line: Line): HTMLLIElement {
  const time = make("time", "", timeOfDay(line.atMs));
  time.dateTime = new Date(line.atMs).toISOString();
  if (line.kind !== "message") {
    const place = make("span", "place", line.kind === "warning" ? "warning" : "notice");
    return make("li", line.kind, time, place, make("span", "body", line.text));
  }
  const place = make("span", "place", make("b", "", line.channel), line.offset === undefined ? "" : ` ${line.offset}`);
  place.title = line.offset === undefined ? `${line.channel}, not stored` : `${line.channel}, offset ${line.offset}`;
  const body = make("span", "body");
  // The spaces part the words for who hears or copies them; the look comes from the style.
  if (line.sender !== undefined) body.append(make("b", "sender", line.sender), " ");
  if (line.event !== undefined) body.append(make("span", "event", line.event), " ");
  body.append(line.text);
  return make("li", line.isOwn ? "own fresh" : "fresh", time, place, body);
}
