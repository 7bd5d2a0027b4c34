import { find, make } from "./element.ts";
import type { Line } from "./line.ts";
import { timeOfDay } from "./time-text.ts";

/** How many lines are kept, so that a page left open overnight stays fast. */
const maxLines = 500;
/** Scrolled to within this distance counts as being at the end. Pixels. */
const nearPx = 32;

/**
 * The latest lines, the last one at the bottom. A reader who has scrolled up stays there, and sees how many lines are new.
 * Rendered once per animation frame, however many lines arrive.
 */
export class MessageList {
  readonly #scroller = find("log", HTMLElement);
  readonly #list = find("messages", HTMLOListElement);
  readonly #empty = find("empty", HTMLElement);
  readonly #toNewest = find("to-newest", HTMLButtonElement);
  #pending: Line[] = [];
  #isDrawing = false;
  #unseen = 0;
  /** Whether the list was scrolled to the end. Resizing the window does not change that. */
  #isFollowing = true;

  constructor() {
    find("clear", HTMLButtonElement).onclick = () => this.#clear();
    this.#toNewest.onclick = () => {
      this.#goToEnd();
      this.#scroller.focus();
    };
    this.#scroller.onscroll = () => {
      this.#isFollowing = this.#isAtEnd();
      if (this.#isFollowing) this.#markAllSeen();
    };
    new ResizeObserver(() => this.#isFollowing && this.#goToEnd()).observe(this.#scroller);
  }

  add(line: Line): void {
    this.#pending.push(line);
    // A background tab does not render, so the queue is limited to what the list would keep.
    if (this.#pending.length > 2 * maxLines) this.#pending = this.#pending.slice(-maxLines);
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => this.#draw());
  }

  #draw(): void {
    this.#isDrawing = false;
    const lines = this.#pending.slice(-maxLines);
    this.#pending = [];
    this.#list.append(...lines.map(row));
    while (this.#list.childElementCount > maxLines) this.#list.firstElementChild?.remove();
    this.#empty.hidden = true;
    if (this.#isFollowing) this.#goToEnd();
    else this.#showUnseen(lines.length);
  }

  #showUnseen(count: number): void {
    this.#unseen += count;
    this.#toNewest.textContent = `${this.#unseen} new ↓`;
    this.#toNewest.hidden = false;
  }

  #markAllSeen(): void {
    this.#unseen = 0;
    this.#toNewest.hidden = true;
  }

  #goToEnd(): void {
    this.#isFollowing = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#markAllSeen();
  }

  #isAtEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < nearPx;
  }

  #clear(): void {
    this.#pending = [];
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
  // The spaces separate the words for screen readers and for copying; the layout comes from CSS.
  if (line.sender !== undefined) body.append(make("b", "sender", line.sender), " ");
  if (line.event !== undefined) body.append(make("span", "event", line.event), " ");
  body.append(line.text);
  return make("li", line.isOwn ? "own fresh" : "fresh", time, place, body);
}
