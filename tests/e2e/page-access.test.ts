import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Page } from "playwright-core";
import { Shared } from "../shared.ts";
import { eventually } from "../waiting.ts";
import { BrowserUnderTest } from "./browser.ts";
import { PageUnderTest } from "./page-under-test.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

let browser: BrowserUnderTest;
let server: ServerUnderTest;

const shared = new Shared();
beforeAll(async () => {
  [browser, server] = await Promise.all([shared.use(BrowserUnderTest.start()), shared.use(startServer())]);
}, 240_000);

afterAll(() => shared.close());

/** The focused element: its name or its label. */
const focused = `(() => {
  const { ariaLabel, labels, textContent, ariaLabelledByElements } = document.activeElement;
  return ariaLabel ?? labels?.[0]?.firstChild.textContent ?? (ariaLabelledByElements?.[0]?.textContent || textContent);
})()`;

/** Whether the focus is visible. */
const isOutlined = `getComputedStyle(document.activeElement).outlineStyle !== "none"`;

/** Every visible text whose contrast is below 4.5:1, the minimum in WCAG 2.2 AA (§1.4.3). */
const faintTexts = `(() => {
  const channels = (color) => color.match(/[\\d.]+/g).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if ((channels(backgroundColor)[3] ?? 1) === 1) return backgroundColor;
    }
    return "rgb(255, 255, 255)";
  };
  const shown = [...document.body.querySelectorAll("*")].filter((it) => it.checkVisibility());
  const texts = shown.filter((it) => [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== ""));
  return texts.flatMap((it) => {
    const [low, high] = [luminance(getComputedStyle(it).color), luminance(background(it))].sort((a, b) => a - b);
    const contrast = (high + 0.05) / (low + 0.05);
    return contrast < 4.5 ? [it.textContent.trim() + ": " + contrast.toFixed(2)] : [];
  });
})()`;

async function press(page: Page, name: string): Promise<void> {
  for (let step = 0; step < 30; step++) {
    await page.keyboard.press("Tab");
    if ((await page.evaluate(focused)) !== name) continue;
    expect(await page.evaluate(isOutlined)).toBe(true);
    return;
  }
  throw new Error(`the tab key never came to ${name}`);
}

describe("without a mouse", () => {
  test("a user can write, join, leave, scroll and copy, and always sees the focus", async () => {
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, server.url);
    const { keyboard } = it.page;
    await press(it.page, "Messages");
    await press(it.page, "Name");
    await keyboard.press("ControlOrMeta+A");
    await keyboard.type("Grace");
    await press(it.page, "To");
    await press(it.page, "Message");
    await keyboard.type("typed only");
    await keyboard.press("Enter");
    await it.untilRead("typed only");
    await press(it.page, "Send");
    await press(it.page, "Send Hello");
    await keyboard.press("Space");
    await it.untilRead("Hello");
    expect(await it.texts()).toEqual(["Grace typed only", "Grace Hello"]);
    await press(it.page, "Channel to join");
    await keyboard.type("room:keys");
    await keyboard.press("Enter");
    await it.button("Leave room:keys").waitFor();
    await press(it.page, "Copy");
    await press(it.page, "Leave room:keys");
    await keyboard.press("Enter");
    await it.button("Leave room:keys").waitFor({ state: "detached" });
    expect(await it.page.evaluate(focused)).toBe("Channel to join");
  });
});

describe("for a screen reader", () => {
  test("every element has a role and a name", async () => {
    await using context = await browser.context();
    const { page, button } = await named(context);
    for (const role of ["banner", "main", "complementary"] as const) expect(await page.getByRole(role).count()).toBe(1);
    for (const name of ["Messages", "Channels", "Push from a terminal"]) {
      await page.getByRole("region", { name }).waitFor();
      await page.getByRole("heading", { name }).waitFor();
    }
    await page.getByRole("log", { name: "Messages" }).waitFor();
    await page.getByRole("form", { name: "Send a message" }).waitFor();
    for (const name of ["Name", "Message", "Channel to join"]) await page.getByRole("textbox", { name }).waitFor();
    expect(await page.getByRole("combobox", { name: "To" }).count()).toBe(2);
    for (const name of ["Disconnect", "Clear", "Send", "Send Hello", "Join", "Copy", "Leave all"]) {
      await button(name).waitFor();
    }
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
  });

  test("a flood is not read out message by message", async () => {
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, `${server.url}/?user_id=listener`);
    await it.page.evaluate(`
      window.received = [];
      new MutationObserver(() => received.push(document.querySelector("[aria-live=polite]").textContent))
        .observe(document.querySelector("[aria-live=polite]"), { childList: true, characterData: true, subtree: true });
    `);
    const items = Array.from({ length: 200 }, (_, index) => ({ user_id: "listener", data: `number ${index}` }));
    expect((await server.request("POST", "/sse/push/batch", items)).status).toBe(200);
    await it.untilRead("number 199");
    // The first message alone, unless another one has just been read out.
    const announced = /^\["(@listener: number 0|200 more messages, the last: @listener: number 199)"\]$/;
    await eventually(async () => expect(await it.page.evaluate("JSON.stringify(received)")).toMatch(announced));
    expect(await it.page.getByRole("log").getAttribute("aria-live")).toBe("off");
  });
});

describe.each(["light", "dark"] as const)("in the %s", (colorScheme) => {
  test("every text has enough contrast, also error messages", async () => {
    await using draining = await startServer({ env: { DRAIN_WINDOW: "0" } });
    await using context = await browser.context({ colorScheme, reducedMotion: "reduce" });
    const it = await PageUnderTest.open(context, draining.url);
    await it.join("room:1");
    await it.button("Send Hello").click();
    await it.untilRead("Hello");
    await it.field("Channel to join").fill("a b");
    await it.button("Join").click();
    draining.signal("SIGTERM");
    await it.page.getByRole("timer").waitFor();
    expect(await it.page.evaluate(faintTexts)).toEqual([]);
    draining.signal("SIGKILL");
    await it.untilLost();
    await it.untilRead("Connection lost");
    expect(await it.page.evaluate(faintTexts)).toEqual([]);
  });
});

test.each([360, 700, 1400])("at a width of %d px nothing scrolls sideways", async (width) => {
  await using context = await browser.context({ viewport: { width, height: 640 } });
  const it = await PageUnderTest.open(
    context,
    `${server.url}/?channel=${"long".repeat(50)}&user_id=${"u".repeat(128)}`,
  );
  await it.send("w".repeat(400));
  await it.untilRead("wwww");
  expect(await it.page.evaluate("document.documentElement.scrollWidth")).toBe(width);
  const scroller = await it.page.getByRole("log").evaluate((log) => log.scrollWidth - log.clientWidth);
  expect(scroller).toBe(0);
  await expectInView(it.page, width);
});

/** The essential elements are within the width, and the list is scrolled to its newest line. */
async function expectInView(page: Page, width: number): Promise<void> {
  for (const name of ["Disconnect", "Send", "Send Hello", "Join", "Copy"]) {
    const box = await page.getByRole("button", { name, exact: true }).boundingBox();
    expect(box?.x).toBeGreaterThanOrEqual(0);
    expect((box?.x ?? 0) + (box?.width ?? width)).toBeLessThanOrEqual(width);
  }
}

async function named(context: Parameters<typeof PageUnderTest.open>[0]) {
  const it = await PageUnderTest.open(context, server.url);
  return { page: it.page, button: (name: string) => it.button(name) };
}
