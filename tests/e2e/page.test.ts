import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeToken } from "../../server/auth/token.ts";
import { BrowserUnderTest } from "./browser.ts";
import { PageUnderTest } from "./page-under-test.ts";
import { Relay } from "./relay.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const secret = "a secret of thirty-two bytes or more";
const key = "publish-key-of-sixteen-and-more";

/** What a person knows the control by that has the focus. */
const nameOfFocused = `(({ role, ariaLabel, labels, textContent }) =>
  role ?? ariaLabel ?? labels?.[0]?.firstChild.data ?? textContent)(document.activeElement)`;

/** Parts that have a bar to scroll them sideways. */
const idsOfTooWide = `[...document.querySelectorAll("body *")]
  .filter((it) => it.scrollWidth > it.clientWidth && /auto|scroll/.test(getComputedStyle(it).overflowX))
  .map((it) => it.id || it.tagName)`;

let browser: BrowserUnderTest;
let server: ServerUnderTest;

beforeAll(async () => {
  [browser, server] = await Promise.all([BrowserUnderTest.start(), startServer()]);
}, 60_000);

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function publish(it: ServerUnderTest, channel: string, message: string, more: object = {}): Promise<void> {
  const answer = await it.request("POST", "/v1/publish", { channel, message, ...more });
  expect(answer.status).toBe(200);
}

/** What a shell makes of a line: what it printed, and how it ended. */
async function typed(line: string): Promise<{ readonly out: string; readonly code: number }> {
  const { PATH = "" } = process.env;
  const shell = Bun.spawn(["sh", "-c", line], { env: { PATH, API_KEY: key }, stdio: ["ignore", "pipe", "ignore"] });
  return { out: await shell.stdout.text(), code: await shell.exited };
}

describe("the page at /", () => {
  test("shows in two tabs what either says", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    const bob = await PageUnderTest.open(context, server.url, "/?user_id=bob");
    await alice.say("good morning");
    await bob.untilShown("good morning");
    await bob.say("good evening");
    for (const shown of [alice, bob]) {
      expect(await shown.untilShown("good evening")).toEqual(["alice good morning", "bob good evening"]);
    }
    expect([...alice.tab.errors, ...bob.tab.errors]).toEqual([]);
  });

  test("sends Hello at a press, and writes every message to the browser's console as well", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    const bob = await PageUnderTest.open(context, server.url, "/?user_id=bob");
    await alice.button("Send Hello").click();
    for (const shown of [alice, bob]) {
      expect(await shown.untilShown("Hello")).toEqual(["alice Hello"]);
      expect(shown.tab.console.filter((it) => it.includes("alice: Hello"))).toHaveLength(1);
    }
  });

  test("shows markup in a message as text, and runs nothing of it", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    const markup = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`;
    await publish(server, "all", markup, { sender: markup, data: { [markup]: markup } });
    await alice.say(`${markup} end`);
    const [pushed = "", said] = await alice.untilShown("end");
    expect(pushed.split("<img src=x")).toHaveLength(5);
    expect(said).toBe(`alice ${markup} end`);
    expect(await alice.log.locator("img, script").count()).toBe(0);
    expect(await alice.page.title()).toBe("Fanfare");
    expect(alice.tab.errors).toEqual([]);
  });

  test("shows the messages of a joined channel and who is in it, until it is left", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    await PageUnderTest.open(context, server.url, "/?user_id=bob&channel=room:1");
    await publish(server, "room:1", "before");
    await alice.join("room:1");
    await alice.page.getByRole("listitem").filter({ hasText: "2 here: alice, bob" }).waitFor();
    expect(alice.page.url()).toEndWith("/?user_id=alice&channel=room%3A1");
    await publish(server, "room:1", "between");
    expect(await alice.untilShown("between")).toEqual(["between"]);
    await alice.button("Leave room:1").click();
    // Behind the leaving on the same connection: when it is shown, the server has seen that too.
    await alice.say("gone");
    await alice.untilShown("gone");
    const presence = await server.request("GET", "/v1/channels/room:1/presence");
    expect(await presence.json()).toMatchObject({ count: 1, users: ["bob"] });
    await publish(server, "room:1", "after");
    await publish(server, "all", "to all");
    expect(await alice.untilShown("to all")).toEqual(["between", "alice gone", "to all"]);
  });

  test("stays away when it is disconnected, and gets what it missed when it is connected again", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice&channel=room:1");
    await publish(server, "room:1", "before");
    await alice.untilShown("before");
    await alice.button("Disconnect").click();
    await alice.untilState("Disconnected");
    await publish(server, "room:1", "between");
    await alice.button("Connect").click();
    await alice.untilState("Connected");
    await publish(server, "room:1", "after");
    expect(await alice.untilShown("after")).toEqual(["before", "between", "after"]);
  });

  test("leaves a person who has scrolled up where they are, and says how many messages came since", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    const items = Array.from({ length: 100 }, (_, at) => ({ user_id: "alice", data: `number ${at}` }));
    expect((await server.request("POST", "/sse/push/batch", items)).status).toBe(200);
    await alice.untilShown("number 99");
    const scrolled = await alice.page.evaluate(`new Promise((done) => {
      globalThis.log = document.querySelector("#log");
      log.addEventListener("scroll", () => done(log.scrollTop), { once: true });
      log.scrollTop -= 500;
    })`);
    for (const text of ["first", "second"]) await publish(server, "all", text);
    await alice.untilShown("second");
    const toNewest = alice.button("2 new ↓");
    await toNewest.waitFor();
    expect(await alice.page.evaluate("log.scrollTop")).toBe(scrolled);
    await toNewest.click();
    await toNewest.waitFor({ state: "hidden" });
    expect(await alice.page.evaluate("log.scrollHeight - log.scrollTop - log.clientHeight < 2")).toBe(true);
  });

  test("says which names a channel can have where one cannot be joined", async () => {
    await using context = await browser.context();
    const { page } = await PageUnderTest.open(context, server.url);
    await page.getByRole("textbox", { name: "Channel to join" }).fill("no such name");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "A channel's name is" }).waitFor();
    expect(await page.getByRole("button", { name: /^Leave no/ }).count()).toBe(0);
  });

  test("shows a line for a terminal that works as it stands, for every channel", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice&channel=room:1");
    const panel = alice.page.getByRole("region", { name: "Push from a terminal" });
    for (const [at, channel] of ["all", "@alice", "room:1"].entries()) {
      await panel.getByRole("combobox", { name: "To" }).selectOption(channel);
      const { out, code } = await typed((await panel.getByRole("code").textContent()) ?? "");
      expect([code, out]).toEqual([0, expect.not.stringContaining("error")]);
      await alice.log.getByRole("listitem").filter({ hasText: channel }).filter({ hasText: "Hello" }).waitFor();
      expect(await alice.messages()).toHaveLength(at + 1);
    }
  });

  test("copies that line, or selects it where a page may not copy", async () => {
    await using context = await browser.context();
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    const shown = await PageUnderTest.open(context, server.url);
    const { page } = shown;
    const button = shown.button("Copy");
    const line = (await page.getByRole("code").textContent()) ?? "";
    await button.click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    expect(await page.evaluate("navigator.clipboard.readText()")).toBe(line);
    await button.waitFor();
    await page.evaluate("navigator.clipboard.writeText = () => Promise.reject(new Error('forbidden'))");
    await button.click();
    await page.getByRole("button", { name: "Selected: press Ctrl+C" }).waitFor();
    expect(await page.evaluate("getSelection().toString()")).toBe(line);
  });

  test("can be used with the keyboard alone, and every control can be reached", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    const walk = async (steps: number): Promise<readonly unknown[]> => {
      const names: unknown[] = [];
      for (let at = 0; at < steps; at++) {
        await alice.page.keyboard.press("Tab");
        names.push(await alice.page.evaluate(nameOfFocused));
      }
      return names;
    };
    expect(await walk(6)).toEqual(["Disconnect", "Clear", "log", "Name", "To", "Message"]);
    await alice.page.keyboard.type("typed");
    await alice.page.keyboard.press("Enter");
    await alice.page.keyboard.type("and again");
    await alice.page.keyboard.press("Enter");
    expect(await alice.untilShown("and again")).toEqual(["alice typed", "alice and again"]);
    const rest = ["Send", "Send Hello", "Leave all", "Leave @alice", "Channel to join", "Join", "Copy", "To"];
    expect(await walk(rest.length)).toEqual(rest);
  });

  test("names every control and region for who hears it", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    const { page } = alice;
    for (const name of ["Disconnect", "Clear", "Send", "Send Hello", "Leave all", "Join", "Copy"]) {
      expect([name, await alice.button(name).count()]).toEqual([name, 1]);
    }
    for (const name of ["Name", "Message", "Channel to join"]) {
      expect([name, await page.getByRole("textbox", { name, exact: true }).count()]).toEqual([name, 1]);
    }
    expect(await page.getByRole("combobox", { name: "To", exact: true }).count()).toBe(2);
    for (const name of ["Messages", "Channels", "Push from a terminal"]) {
      expect([name, await page.getByRole("region", { name }).count()]).toEqual([name, 1]);
    }
    const labels = await page.evaluate("[...document.querySelectorAll('input, select')].map((it) => it.labels.length)");
    expect(labels).toEqual([1, 1, 1, 1, 1, 1]);
    await alice.say("for who listens");
    await page.locator("[aria-live=polite]", { hasText: "alice: for who listens" }).waitFor();
  });

  test.each(["light", "dark"] as const)("fits a screen 360 pixels wide, %s", async (colorScheme) => {
    await using context = await browser.context({ viewport: { width: 360, height: 640 }, colorScheme });
    const channel = `room:${"long".repeat(40)}`;
    const shown = await PageUnderTest.open(context, server.url, `/?user_id=${"alice".repeat(20)}&channel=${channel}`);
    const long = "word".repeat(100);
    await publish(server, channel, long, { event: long.slice(0, 100), sender: long.slice(0, 100), data: { long } });
    await shown.untilShown(long);
    expect(await shown.page.evaluate("[innerWidth, document.documentElement.scrollWidth]")).toEqual([360, 360]);
    expect(await shown.page.evaluate(idsOfTooWide)).toEqual([]);
    const background = String(await shown.page.evaluate("getComputedStyle(document.body).backgroundColor"));
    const brightness = Math.max(...(background.match(/\d+/g) ?? []).map(Number));
    expect(brightness > 128).toBe(colorScheme === "light");
  });

  test("never keeps more than the newest 500 messages", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, server.url, "/?user_id=alice");
    await alice.page.evaluate(`{
      const list = document.querySelector("#messages");
      globalThis.most = 0;
      new MutationObserver(() => { most = Math.max(most, list.childElementCount); }).observe(list, { childList: true });
    }`);
    for (const from of [1, 301, 601]) {
      const items = Array.from({ length: 300 }, (_, at) => ({ user_id: "alice", data: `number ${from + at}` }));
      expect((await server.request("POST", "/sse/push/batch", items)).status).toBe(200);
      await alice.untilShown(`number ${from + 299}`);
    }
    const expected = Array.from({ length: 500 }, (_, at) => `number ${at + 401}`);
    expect(await alice.messages()).toEqual(expected);
    expect(await alice.page.evaluate("most")).toBe(500);
  });

  test("comes with headers that let nothing else in, and is not sent twice", async () => {
    for (const path of ["/", "/page/app.js", "/page/style.css", "/page/icon.svg"]) {
      const answer = await server.request("GET", path);
      expect(answer.status).toBe(200);
      const policy = answer.headers.get("Content-Security-Policy") ?? "";
      expect(policy).toStartWith("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).not.toContain("unsafe");
      expect(answer.headers.get("X-Content-Type-Options")).toBe("nosniff");
      const tag = answer.headers.get("ETag") ?? "";
      const again = await server.request("GET", path, undefined, { "If-None-Match": `"other", W/${tag}` });
      expect([again.status, await again.text()]).toEqual([304, ""]);
      expect((await server.request("GET", path, undefined, { "If-None-Match": '"other"' })).status).toBe(200);
    }
  });
});

describe("the page, when something happens to its server or its network,", () => {
  test.concurrent("connects again by itself when the server was killed and is back, and misses nothing", async () => {
    const dataDir = await mkdtemp(join(tmpdir(), "fanfare-page-"));
    const env = { DATA_DIR: dataDir };
    try {
      await using context = await browser.context();
      await using before = await startServer({ env });
      const alice = await PageUnderTest.open(context, before.url, "/?user_id=alice&channel=room:1");
      await publish(before, "room:1", "number 1");
      await alice.untilShown("number 1");
      before.signal("SIGKILL");
      await before.exited;
      await alice.untilState("Reconnecting");
      await alice.say("written meanwhile");
      await alice.page.getByRole("status").filter({ hasText: "1 message waits for the connection." }).waitFor();
      await using after = await startServer({ env, flags: ["--port", String(before.port)] });
      for (const at of [2, 3]) await publish(after, "room:1", `number ${at}`);
      await alice.untilState("Connected");
      await alice.untilShown("written meanwhile");
      await publish(after, "room:1", "number 4");
      const messages = await alice.untilShown("number 4");
      expect(messages.filter((it) => it.startsWith("number"))).toEqual([1, 2, 3, 4].map((at) => `number ${at}`));
      expect(messages.filter((it) => it === "alice written meanwhile")).toHaveLength(1);
      expect(await alice.warnings()).toEqual([expect.stringContaining("This page connects again by itself.")]);
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });

  test.concurrent("counts down when the server shuts down, which ends once the last tab is closed", async () => {
    await using context = await browser.context();
    // By the end of the window everybody but the page has left.
    await using stopping = await startServer({ env: { DRAIN_WINDOW: "250ms" } });
    const alice = await PageUnderTest.open(context, stopping.url, "/?user_id=alice");
    const bob = await PageUnderTest.open(context, stopping.url, "/?user_id=bob");
    stopping.signal("SIGTERM");
    for (const { page } of [alice, bob]) {
      await page.getByRole("alert").filter({ hasText: "The server is shutting down." }).waitFor();
      const timer = page.getByRole("timer");
      const first = (await timer.textContent()) ?? "";
      expect(first).toMatch(/^(30:00|29:\d\d)$/);
      await timer.filter({ hasNotText: first }).waitFor();
    }
    await alice.say("still here");
    expect(await bob.untilShown("still here")).toEqual(["alice still here"]);
    expect(await bob.warnings()).toEqual([]);
    await alice.page.close();
    await bob.say("alone now");
    await bob.untilShown("alone now");
    await bob.page.close();
    // The test would not live to see the deadline in half an hour.
    expect(await stopping.exited).toBe(0);
    expect(bob.tab.errors).toEqual([]);
  });

  test.concurrent("goes on where it was when the network was gone and is back", async () => {
    await using context = await browser.context();
    await using own = await startServer();
    using relay = await Relay.to(own.port);
    const alice = await PageUnderTest.open(context, relay.url, "/?user_id=alice&channel=room:1");
    await publish(own, "room:1", "number 1");
    await alice.untilShown("number 1");
    await context.setOffline(true);
    relay.cut();
    await alice.untilState("Offline");
    for (const at of [2, 3]) await publish(own, "room:1", `number ${at}`);
    await context.setOffline(false);
    await alice.untilState("Connected");
    await publish(own, "room:1", "number 4");
    expect(await alice.untilShown("number 4")).toEqual([1, 2, 3, 4].map((at) => `number ${at}`));
    expect(await alice.warnings()).toEqual([expect.stringContaining("connects again when it is back")]);
  });
});

describe("the page, where not everybody may use it,", () => {
  test.concurrent("asks for a token, and connects as the user that it names", async () => {
    await using context = await browser.context();
    await using secured = await startServer({ env: { PAGE: "on", JWT_SECRET: secret, API_KEY: key } });
    const shown = await PageUnderTest.open(context, secured.url, "/", "Closed");
    const token = await makeToken({ sub: "alice", subscribe: ["room:*"], publish: [], expiresInS: 60, secret });
    const access = shown.page.getByRole("region", { name: "Token" });
    const bring = async (text: string) => {
      await access.getByLabel("Token", { exact: true }).fill(text);
      await access.getByRole("button", { name: "Connect" }).click();
    };
    await bring("no token");
    await shown.page.getByRole("banner").getByText("the token is not a signed JWT").waitFor();
    await bring(token);
    await shown.untilState("Connected");
    expect(await shown.page.getByRole("textbox", { name: "Name" }).inputValue()).toBe("alice");
    // Chat is off here: what was written is refused, and given back.
    await shown.say("may I?");
    await shown.page.getByRole("alert").filter({ hasText: "Not sent: chat is off here" }).waitFor();
    expect(await shown.messageField.inputValue()).toBe("may I?");
    const panel = shown.page.getByRole("region", { name: "Push from a terminal" });
    await panel.getByRole("combobox", { name: "To" }).selectOption("@alice");
    const { out, code } = await typed((await panel.getByRole("code").textContent()) ?? "");
    expect([code, out]).toEqual([0, expect.not.stringContaining("error")]);
    expect(await shown.untilShown("Hello")).toEqual(["Hello"]);
  });

  test.concurrent("is not there with PAGE=off, and the answer says how to have it", async () => {
    await using without = await startServer({ env: { PAGE: "off" } });
    const answer = await without.request("GET", "/");
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ detail: expect.stringContaining("PAGE=on puts one at /") });
    expect((await without.request("GET", "/page/app.js")).status).toBe(404);
  });
});
