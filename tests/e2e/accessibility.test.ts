import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { Shared } from "../shared.ts";
import { testIf } from "../test-if.ts";
import { defaultTimeoutMs } from "../waiting.ts";
import { BrowserUnderTest } from "./browser.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const axe = readFileSync(Bun.resolveSync("axe-core/axe.min.js", import.meta.dir), "utf8");

let browser: BrowserUnderTest;
let server: ServerUnderTest;

const shared = new Shared();
beforeAll(async () => {
  [browser, server] = await Promise.all([shared.use(BrowserUnderTest.start()), shared.use(startServer())]);
}, 240_000);

afterAll(() => shared.close());

/** The rules of axe that the page breaks, with the elements. */
async function faultsOf(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  const { violations } = await page.evaluate<AxeResults>("axe.run()");
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, html }) => `${id}: ${target} ${html.slice(0, 120)}`),
  );
}

/** Brings a page into the state in which most of it can be seen. */
const pages: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  "/?channel=room:1": async (page) => {
    await page.getByText("Raw frames").click();
    await page.getByRole("button", { name: "Send Hello" }).click();
    await page.getByRole("log").getByRole("listitem").getByText("Hello").waitFor();
  },
  "/admin": async (page) => {
    await page.getByRole("button", { name: "Search" }).click();
    await page.getByRole("region", { name: "Connections found" }).waitFor();
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByRole("form", { name: "Trace a message" }).getByLabel("Of user").fill("alice");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText("Nothing was ever published to @alice.").waitFor();
  },
  "/docs": async (page) => {
    await page.getByRole("heading", { level: 1 }).waitFor();
  },
};

const looks = [
  { viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { viewport: { width: 390, height: 800 }, colorScheme: "dark" },
] as const;

test.each(["/", "/admin"])("nothing in the header of %s overlaps on a small phone", async (path) => {
  const context = await browser.context({ viewport: { width: 320, height: 568 } });
  const page = await context.newPage();
  page.setDefaultTimeout(defaultTimeoutMs);
  await page.goto(server.url + path);
  await page.getByRole("link", { name: "API" }).waitFor();
  expect(await page.evaluate<readonly string[]>(overlapsInHeader)).toEqual([]);
  await context.close();
});

/** The visible part of an element may be larger than its box, so the boxes of the contents are compared. */
const overlapsInHeader = `(() => {
  const parts = [...document.querySelectorAll("header :is(h1, p, a, button, output, #state, #online)")].map((it) => {
    const range = document.createRange();
    range.selectNodeContents(it);
    return { name: it.textContent.trim(), box: range.getBoundingClientRect() };
  }).filter(({ box }) => box.width > 1);
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  return parts.flatMap((a, n) => parts.slice(n + 1).filter((b) => !apart(a.box, b.box)).map((b) => a.name + " / " + b.name));
})()`;

const isLong = process.env.FANFARE_LONG !== undefined;
const longReason = "axe takes long for such a long page; run it with npm run test:long";

for (const path of Object.keys(pages)) {
  testIf(path !== "/docs" || isLong, longReason).each(looks)(
    `${path} has no fault that axe finds, and no sideways scrolling: %o`,
    async ({ viewport, colorScheme }) => {
      using _client = await SocketUnderTest.open(`${server.wsUrl}?user_id=alice&channel=room:1`);
      // Otherwise axe could not be injected into pages with a strict policy.
      const context = await browser.context({ viewport, colorScheme, bypassCSP: true });
      const page = await context.newPage();
      page.setDefaultTimeout(defaultTimeoutMs);
      await page.goto(server.url + path);
      await pages[path]?.(page);
      expect(await faultsOf(page)).toEqual([]);
      expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(viewport.width);
      await context.close();
    },
  );
}
