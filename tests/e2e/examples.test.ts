import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Shared } from "../shared.ts";
import { defaultTimeoutMs } from "../waiting.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

const root = join(import.meta.dir, "..", "..");

let browser: BrowserUnderTest;
const shared = new Shared();
beforeAll(async () => {
  browser = await shared.use(BrowserUnderTest.start());
});
afterAll(() => shared.close());

/** One example, started as its README says. */
class Example implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  output = "";
  #wake = () => {};

  private constructor(name: string) {
    this.#process = Bun.spawn(["node", "examples/run.js", name, "--port", "0"], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    void this.#read();
  }

  static async start(name: string): Promise<Example> {
    const example = new Example(name);
    await example.until(/Fanfare at \S+\. /);
    return example;
  }

  get url(): string {
    return /Fanfare at (\S+)\. /.exec(this.output)?.[1] ?? "";
  }

  get pageUrl(): string {
    return /Open this page: {2}(\S+)/.exec(this.output)?.[1] ?? "";
  }

  open(query: string): Promise<SocketUnderTest> {
    return SocketUnderTest.open(`${this.url.replace("http", "ws")}/ws${query}`);
  }

  /** Opens its page in a browser, and waits for the expected content. @returns the errors of the page */
  async show(isShown: string): Promise<readonly string[]> {
    const context = await browser.context();
    const tab = await TabUnderTest.open(context, this.pageUrl);
    await tab.page.waitForFunction(isShown, undefined, { timeout: defaultTimeoutMs });
    await context.close();
    return tab.errors;
  }

  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) {
      if (this.#process.exitCode !== null) throw new Error(`it ended without ${pattern}:\n${this.output}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.exited;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) {
      this.output += decoder.decode(chunk, { stream: true });
      this.#wake();
    }
    await this.#process.exited;
    this.#wake();
  }
}

const dataOf = (frame: Frame) => frame.data as Readonly<Record<string, unknown>>;

describe("the pages of the examples", () => {
  test.each(["prices", "chat", "alerts", "game", "orders"])("fit on a phone: %s", async (name) => {
    await using example = await Example.start(name);
    const context = await browser.context();
    const tab = await TabUnderTest.open(context, example.pageUrl);
    await tab.page.setViewportSize({ width: 360, height: 640 });
    expect(await tab.page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);
    // Without it, a phone shows the desktop layout, four times too small.
    expect(await tab.page.evaluate("document.querySelector('meta[name=viewport]') !== null")).toBe(true);
    await context.close();
  });

  test("chat: Send sends, and so does Enter", async () => {
    await using example = await Example.start("chat");
    using other = await example.open("");
    const context = await browser.context();
    const { page } = await TabUnderTest.open(context, example.pageUrl);
    await page.waitForFunction("document.querySelector('.system') !== null");
    await page.getByLabel("Message").fill("by the button");
    await page.getByRole("button", { name: "Send" }).click();
    await other.until(({ message }) => message === "by the button");
    await page.getByLabel("Message").fill("by Enter");
    await page.getByLabel("Message").press("Enter");
    await other.until(({ message }) => message === "by Enter");
    const received = other.frames.flatMap(({ message }) => (String(message).startsWith("by ") ? [message] : []));
    expect(received).toEqual(["by the button", "by Enter"]);
    await context.close();
  });
});

describe("each example does what its README says", () => {
  test("prices: a subscriber gets the latest price at once, and no other symbols", async () => {
    await using example = await Example.start("prices");
    using first = await example.open("?channel=prices:ACME");
    await first.untilMessages(2);
    using second = await example.open("?channel=prices:ACME&since=last:1");
    const messages = await second.untilMessages(2);
    expect(new Set(messages.map(({ channel, event }) => `${channel} ${event}`))).toEqual(
      new Set(["prices:ACME price"]),
    );
    expect(messages.map((it) => typeof dataOf(it).price)).not.toContain("undefined");
    const allShown =
      "[...document.querySelectorAll('td:nth-child(2)')].filter((it) => it.textContent > '').length === 4";
    expect(await example.show(allShown)).toEqual([]);
  });

  test("chat: the bot answers !time to everyone", async () => {
    await using example = await Example.start("chat");
    await example.until(/Clock is in the chat/);
    using alice = await example.open("");
    alice.send({ type: "message", message: "!time", sender: "Alice" });
    const answer = await alice.until(({ sender }) => sender === "Clock");
    expect(answer.message).toMatch(/^It is \d\d:\d\d:\d\d, Alice\.$/);
    expect(await example.show("document.body.innerText.includes('Clock: It is')")).toEqual([]);
  });

  test("alerts: both monitors publish each alert, and it is delivered once", async () => {
    await using example = await Example.start("alerts");
    await example.until(/(was already published[\s\S]*){2}/);
    using reader = await example.open("?channel=alerts&since=earliest");
    const messages = await reader.untilMessages(6);
    const byHost = Object.groupBy(messages, (it) => String(dataOf(it).host));
    // A duplicate would break the alternation of alert and resolved.
    for (const [host, of] of Object.entries(byHost)) {
      const events = of?.map(({ event }) => event) ?? [];
      expect([host, events]).toEqual([host, events.map((_, index) => (index % 2 === 0 ? "alert" : "resolved"))]);
    }
    expect(await example.show("document.querySelectorAll('#alerts li').length >= 2")).toEqual([]);
  });

  test("game: positions are delivered but not stored, and each coin has one owner", async () => {
    await using example = await Example.start("game");
    using watcher = await example.open("?channel=game&since=earliest");
    const moved = await watcher.until(({ event }) => event === "moved");
    expect(moved.offset).toBeUndefined();
    expect(moved.sender).toStartWith("robot-");
    await example.until(/(has coin \d+[\s\S]*){3}/);
    const owned = [...example.output.matchAll(/(\S+) has coin (\d+)/g)].map(
      ([, name, coin]) => [Number(coin), name ?? ""] as const,
    );
    const last = owned.at(-1)?.[0];
    await watcher.until((it) => it.event === "claim" && dataOf(it).coin === last);
    const owners = new Map<number, string>();
    for (const { event, data } of watcher.messages) {
      if (event !== "claim") continue;
      const { coin, by } = data as { coin: number; by: string };
      if (!owners.has(coin)) owners.set(coin, by);
    }
    expect(owned).toEqual(owned.map(([coin]) => [coin, owners.get(coin) ?? ""] as const));
    expect(new Set(owned.map(([coin]) => coin)).size).toBe(owned.length);
    expect(await example.show("players.size >= 2 && coins.size >= 1")).toEqual([]);
  });

  test("orders: customers get all steps of their own orders, including earlier ones", async () => {
    await using example = await Example.start("orders");
    using staff = await example.open("?channel=orders&since=earliest");
    await staff.until((it) => it.type === "message" && dataOf(it).status === "delivered");
    using bob = await example.open("?user_id=bob&since=earliest");
    await bob.until((it) => it.type === "message" && dataOf(it).order === 1 && dataOf(it).status === "delivered");
    expect(new Set(bob.messages.map((it) => dataOf(it).customer))).toEqual(new Set(["bob"]));
    const first = bob.messages.filter((it) => dataOf(it).order === 1).map((it) => dataOf(it).status);
    expect(first).toEqual(["received", "cooking", "on its way", "delivered"]);
    const bothShown = "document.querySelector('#customer li') !== null && document.querySelector('#staff li') !== null";
    expect(await example.show(bothShown)).toEqual([]);
  });
});

test("an unknown example is refused with a list of the examples", async () => {
  const run = Bun.spawn(["node", "examples/run.js", "weather"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  expect(await new Response(run.stderr).text()).toContain("prices, chat, alerts, game, orders");
  expect(await run.exited).toBe(2);
});
