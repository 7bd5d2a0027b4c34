import { join } from "node:path";
import { type BrowserUnderTest, TabUnderTest } from "../e2e/browser.ts";
import type { LibraryEvent } from "./library-record.ts";

/** A Chromium tab that runs the libraries for browsers. Use it with `await using`. */
export class BrowserLibraries implements AsyncDisposable {
  readonly #site: Bun.Server<undefined>;
  readonly #tab: TabUnderTest;

  private constructor(site: Bun.Server<undefined>, tab: TabUnderTest) {
    this.#site = site;
    this.#tab = tab;
  }

  /** @param stream the URL that all of them follow */
  static async start(browser: BrowserUnderTest, stream: string): Promise<BrowserLibraries> {
    const entrypoints = [join(import.meta.dir, "browser-libraries.js")];
    const built = await Bun.build({ entrypoints, target: "browser" });
    const code = await built.outputs[0]?.text();
    const page = '<!doctype html><title>test</title><link rel="icon" href="data:,"><script src="/page.js"></script>';
    const site = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      routes: {
        "/": () => new Response(page, { headers: { "Content-Type": "text/html" } }),
        "/page.js": () => new Response(code, { headers: { "Content-Type": "text/javascript" } }),
      },
      fetch: () => new Response(null, { status: 404 }),
    });
    const tab = await TabUnderTest.open(await browser.context(), `${site.url}?stream=${encodeURIComponent(stream)}`);
    return new BrowserLibraries(site, tab);
  }

  events(): Promise<readonly LibraryEvent[]> {
    return this.#tab.page.evaluate<LibraryEvent[]>("window.records");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tab.page.close();
    await this.#site.stop(true);
  }
}
