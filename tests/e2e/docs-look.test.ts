import { afterAll, beforeAll, expect, test } from "bun:test";
import { Shared } from "../shared.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const longPath = `/${"a-long-name/".repeat(8)}push`;
let browser: BrowserUnderTest;
let servers: readonly ServerUnderTest[];

const shared = new Shared();
beforeAll(async () => {
  browser = await shared.use(BrowserUnderTest.start());
  const open = await shared.use(startServer());
  const env = { API_KEY: "a-key-5f3a9c1e7b2d4068", ANONYMOUS: "on", SSE_PATH: longPath };
  servers = [open, await shared.use(startServer({ env }))];
});

afterAll(() => shared.close());

/** Pieces of text that are cut, or are outside the window. An element that scrolls by itself may be wider. */
const cutOff = `[...document.querySelectorAll("body *:not(.skip)")]
  .filter((it) => it.parentElement.closest("pre, .wide") === null)
  .filter((it) => it.getBoundingClientRect().right > innerWidth + 1 ||
    (it.matches("nav *, h3 *, .badge") && it.scrollWidth > it.clientWidth + 1 && it.clientWidth > 0))
  .map((it) => it.outerHTML.slice(0, 200))`;

test.each([1280, 360])(
  "at %d pixels nothing of /docs is cut or scrolls sideways, and the page breaks no rule",
  async (width) => {
    const context = await browser.context({ viewport: { width, height: 800 } });
    for (const server of servers) {
      const tab = await TabUnderTest.open(context, `${server.url}/docs`);
      await tab.page.evaluate(`for (const it of document.querySelectorAll("details")) it.open = true`);
      expect(await tab.page.evaluate(cutOff)).toEqual([]);
      expect(await tab.page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      expect(tab.errors).toEqual([]);
    }
    await context.close();
  },
);
