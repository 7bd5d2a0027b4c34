import type { Page } from "playwright-core";
import { BrowserUnderTest } from "../e2e/browser.ts";
import type { Driver } from "./driver.ts";
import { type Subscriber, SubscriberRecord } from "./subscriber.ts";

/** The events that the page has collected from one EventSource. */
interface Collected {
  readonly events: readonly { readonly at: number; readonly kind: "open" | "error" | "data"; readonly data: string }[];
  readonly readyState: number;
}

const closed = 2;
const open = 1;
/** A browser opens at most six streams to one server per window, so there are several windows. */
const perPage = 5;

/** EventSources in a real browser. Their records are filled in by `collect`. */
export class BrowserSubscribers implements AsyncDisposable {
  readonly all: readonly BrowserSubscriber[];
  readonly #driver: Driver;
  readonly #browser: BrowserUnderTest;
  readonly #pages: readonly Page[];

  private constructor(driver: Driver, browser: BrowserUnderTest, pages: readonly Page[], count: number) {
    this.#driver = driver;
    this.#browser = browser;
    this.#pages = pages;
    this.all = Array.from({ length: count }, (_, n) => new BrowserSubscriber(`browser ${n + 1}`));
  }

  static async open(driver: Driver, count: number): Promise<BrowserSubscribers> {
    const browser = await BrowserUnderTest.start();
    const pages: Page[] = [];
    for (let n = 0; n < count; n += perPage) {
      const context = await browser.context();
      const page = await context.newPage();
      const url = driver.subscriberUrl("sse", undefined);
      await page.goto(`${new URL(url).origin}/livez`);
      await page.evaluate(collectEvents, { url, count: Math.min(perPage, count - n) });
      pages.push(page);
    }
    return new BrowserSubscribers(driver, browser, pages, count);
  }

  /** Fills in the records, and how each is connected. */
  async collect(): Promise<void> {
    const collected = (await Promise.all(this.#pages.map((page) => page.evaluate(takeCollected)))).flat();
    for (const [index, subscriber] of this.all.entries()) {
      const its = collected[index];
      if (its !== undefined) subscriber.fill(its, this.#driver);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser[Symbol.asyncDispose]();
  }
}

class BrowserSubscriber implements Subscriber {
  readonly kind = "event source";
  readonly record: SubscriberRecord;
  isConnected = false;
  #read: ReturnType<Driver["makeReader"]> | undefined;

  constructor(name: string) {
    this.record = new SubscriberRecord(name);
  }

  fill({ events, readyState }: Collected, driver: Driver): void {
    this.isConnected = readyState === open;
    this.record.isDead ||= readyState === closed;
    for (const { at: wallTime, kind, data } of events) {
      const at = wallTime - performance.timeOrigin;
      if (kind === "open") {
        this.#read = driver.makeReader();
        this.record.opened(at);
      } else if (kind === "error") {
        if (this.record.openings.length > this.record.endings.length) this.record.ended(undefined, at);
      } else for (const received of this.#read?.(data) ?? []) this.record.take(received, at);
    }
  }

  stop(): void {
    // The browser is closed as a whole.
  }
}

/** The EventSource of the page. */
type PageSource = { onopen: () => void; onerror: () => void; readonly readyState: number } & Pick<
  EventTarget,
  "addEventListener"
>;

/** Runs in the page. Times are those of the machine's clock, because the page and this process started at different times. */
function collectEvents({ url, count }: { readonly url: string; readonly count: number }): void {
  const { EventSource: Source } = globalThis as unknown as { EventSource: new (url: string) => PageSource };
  const sources = Array.from({ length: count }, () => {
    const source = new Source(url);
    const its = { source, events: [] as { at: number; kind: string; data: string }[] };
    const note = (kind: string, data: string) =>
      its.events.push({ at: performance.timeOrigin + performance.now(), kind, data });
    source.onopen = () => note("open", "");
    source.onerror = () => note("error", "");
    for (const name of ["message", "system", "presence"]) {
      source.addEventListener(name, (event) => note("data", (event as MessageEvent<string>).data));
    }
    return its;
  });
  Object.assign(globalThis, { rollSources: sources });
}

/** Runs in the page. Returns what was collected since the last call. */
function takeCollected(): Collected[] {
  const { rollSources } = globalThis as unknown as {
    rollSources: { source: PageSource; events: Collected["events"][number][] }[];
  };
  return rollSources.map(({ source, events }) => ({ readyState: source.readyState, events: events.splice(0) }));
}
