import { type Browser, type BrowserContext, type ConsoleMessage, chromium, type Page } from "playwright-core";

/** The names of the browsers that these tests can drive. */
const names = ["chromium", "chromium-browser", "google-chrome"];

/** The path of the browser. scripts/test.js sets it, and installs a browser if it can. @throws Error that says what to install */
function findBrowser(): string {
  const { FANFARE_CHROMIUM } = process.env;
  const found = FANFARE_CHROMIUM ?? names.map((name) => Bun.which(name)).find((path) => path !== null);
  if (found !== undefined && found !== null) return found;
  throw new Error(
    `This test drives a real browser, and found none of ${names.join(", ")} on the PATH. ` +
      "On Debian and Ubuntu: apt-get install chromium; elsewhere install Chromium the usual way, or set FANFARE_CHROMIUM to its path.",
  );
}

/** A headless Chromium. Use it with `await using`, so that it exits with the tests. */
export class BrowserUnderTest implements AsyncDisposable {
  readonly #browser: Browser;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** @throws Error that says what to install if there is no browser */
  static async start(): Promise<BrowserUnderTest> {
    // --no-sandbox: Chromium cannot create its sandbox in a container. The pages are our own.
    const args = ["--no-sandbox", "--disable-dev-shm-usage"];
    return new BrowserUnderTest(await chromium.launch({ executablePath: findBrowser(), args }));
  }

  /** A separate browser window: it shares no cookies and no storage, and can be offline alone. */
  context(options: Parameters<Browser["newContext"]>[0] = {}): Promise<BrowserContext> {
    return this.#browser.newContext(options);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#browser.close();
  }
}

/** A tab, with everything that was written to its console and every uncaught error. */
export class TabUnderTest {
  readonly page: Page;
  readonly console: string[] = [];
  readonly errors: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on("console", (message) => this.#take(message));
    page.on("pageerror", (error) => this.errors.push(String(error)));
  }

  static async open(context: BrowserContext, url: string): Promise<TabUnderTest> {
    const tab = new TabUnderTest(await context.newPage());
    await tab.page.goto(url);
    return tab;
  }

  #take(message: ConsoleMessage): void {
    this.console.push(message.text());
    if (message.type() === "error") this.errors.push(message.text());
  }
}
