import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SignJWT } from "jose";
import { Shared } from "../shared.ts";
import { testIf } from "../test-if.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { PageUnderTest } from "./page-under-test.ts";
import { Relay } from "./relay.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const secret = "a-secret-of-the-test-that-is-long-enough";
const key = "key-of-the-test-that-is-long-enough";

/** Resolves once this is true of the list, and the list was notified. Injected as a script, since the page's policy forbids eval. */
const untilScrolled = (isThere: string) => `new Promise((done) => {
  const log = document.querySelector("[role=log]");
  const look = () => requestAnimationFrame(${isThere} ? done : look);
  look();
})`;
const untilAtTop = untilScrolled("log.scrollTop === 0");
const untilAtEnd = untilScrolled("log.scrollHeight - log.scrollTop - log.clientHeight < 2");

let browser: BrowserUnderTest;
/** For tests that leave the page as it was. */
let server: ServerUnderTest;

const shared = new Shared();
beforeAll(async () => {
  [browser, server] = await Promise.all([shared.use(BrowserUnderTest.start()), shared.use(startServer())]);
}, 240_000);

afterAll(() => shared.close());

async function push(to: ServerUnderTest, body: object): Promise<void> {
  const answer = await to.request("POST", "/v1/publish", body);
  expect(answer.status).toBe(200);
}

describe("the page", () => {
  test("shows each of two tabs the other's messages, on the page and in the console", async () => {
    await using context = await browser.context();
    const alice = await PageUnderTest.open(context, `${server.url}/?user_id=alice`);
    const bob = await PageUnderTest.open(context, server.url);
    await bob.field("Name").fill("Bob");
    await alice.button("Send Hello").click();
    await bob.untilRead("Hello");
    await bob.send("Hey Alice");
    await alice.untilRead("Hey Alice");
    for (const it of [alice, bob]) {
      expect(await it.texts()).toEqual(["alice Hello", "Bob Hey Alice"]);
      expect(it.tab.console.filter((line) => /(alice: Hello|Bob: Hey Alice)/.test(line))).toHaveLength(2);
      expect(it.tab.errors).toEqual([]);
    }
    expect(await bob.field("Message").inputValue()).toBe("");
  });

  test("starts without a warning, links to the dashboard and the API, and shows the frames as they are on the wire", async () => {
    await using context = await browser.context();
    const { page } = await PageUnderTest.open(context, `${server.url}/?channel=room:raw`);
    await page.getByText("Raw frames").click();
    const frames = page.locator("#frame-list li");
    await frames.getByText('"event":"welcome"').waitFor();
    await page.getByLabel("As").selectOption("JSON");
    await page.getByLabel("Event", { exact: true }).fill("order");
    await page.getByLabel("Message", { exact: true }).fill('{"order":12345678901234567890}');
    await page.keyboard.press("Enter");
    await frames.filter({ hasText: "sent" }).getByText('"event":"order"').waitFor();
    await frames.filter({ hasText: "received" }).getByText('"data":{"order":12345678901234567890}').first().waitFor();
    expect(await page.getByRole("log").getByText("Disconnected").count()).toBe(0);
    for (const [name, path] of [
      ["Dashboard", "/admin"],
      ["API", "/docs"],
    ] as const) {
      const link = page.getByRole("link", { name, exact: true });
      const href = new URL((await link.getAttribute("href")) ?? "", page.url()).href;
      expect(href).toBe(server.url + path);
      expect((await fetch(href)).status).toBe(200);
    }
  });

  test("shows how many are online, and who is in a joined channel, until it leaves", async () => {
    await using context = await browser.context();
    const carol = await PageUnderTest.open(context, `${server.url}/?user_id=carol&channel=room:7`);
    const dave = await PageUnderTest.open(context, `${server.url}/?user_id=dave`);
    await carol.page.getByText("2 online", { exact: true }).waitFor();
    await dave.join("room:7");
    await dave.page.getByText(/^2 here: (carol, dave|dave, carol)$/).waitFor();
    await push(server, { channel: "room:7", message: "for the room" });
    await dave.untilRead("for the room");
    expect(dave.page.url()).toEndWith("/?user_id=dave&channel=room%3A7");
    await dave.button("Leave room:7").click();
    await carol.page.getByText("1 here: carol", { exact: true }).waitFor();
    await push(server, { channel: "room:7", message: "not for dave" });
    await push(server, { channel: "all", message: "for everyone" });
    await Promise.all([carol.untilRead("for everyone"), dave.untilRead("for everyone")]);
    expect(await carol.texts()).toContain("not for dave");
    expect(await dave.texts()).not.toContain("not for dave");
  });

  test("sends JSON and events, and shows data digit for digit", async () => {
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, `${server.url}/?user_id=frank`);
    await it.join("numbers");
    await it.page.getByRole("combobox", { name: "As" }).selectOption("JSON");
    await it.field("Event").fill("price");
    await it.send('{"id":9007199254740993123,"price":1.50}');
    await it.untilRead("9007199254740993123");
    await push(server, { channel: "numbers", data: "a string" });
    await it.untilRead("a string");
    expect(await it.texts()).toEqual(['frank price {"id":9007199254740993123,"price":1.50}', "a string"]);
    const answer = await server.request("GET", "/v1/channels/numbers/history?since=earliest&limit=1");
    expect(await answer.text()).toContain('"event":"price","data":{"id":9007199254740993123,"price":1.50}');
    await it.send("{n:1}");
    await it.page.getByRole("alert").filter({ hasText: "Not sent, not JSON" }).waitFor();
    expect(await it.field("Message").inputValue()).toBe("{n:1}");
    expect(it.tab.errors).toEqual([]);
  });

  test("shows data digit for digit over an event stream too", async () => {
    await using context = await browser.context();
    // Without WebSocket the SDK falls back to a stream.
    await context.addInitScript("window.WebSocket = class { constructor() { throw new Error('blocked'); } }");
    const it = await PageUnderTest.open(context, `${server.url}/?user_id=grace&channel=numbers:2`);
    await server.request("POST", "/v1/channels/numbers:2/messages", '{"id":9007199254740993123}');
    await it.untilRead("9007199254740993123");
    expect((await it.texts()).join()).toContain("9007199254740993123");
  });

  test("shows markup as text", async () => {
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, server.url);
    const markup = `<img src="x" onerror="document.title='broken into'"><script>1</script>`;
    await push(server, { channel: "all", message: markup, sender: "<b>Mallory</b>" });
    await it.untilRead("onerror");
    expect(await it.texts()).toEqual([`<b>Mallory</b> ${markup}`]);
    expect(await it.page.locator("#messages :is(img, script)").count()).toBe(0);
    expect(await it.page.title()).toBe("Fanfare");
    expect(it.tab.errors).toEqual([]);
  });

  test("says why it could not join a channel", async () => {
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, server.url);
    await it.field("Channel to join").fill("a b");
    await it.button("Join").click();
    await it.page.getByRole("alert").filter({ hasText: "Expected 1 to 200 of the characters" }).waitFor();
    await it.field("Channel to join").fill("@somebody-else");
    await it.button("Join").click();
    await it.page.getByRole("alert").filter({ hasText: "@somebody-else was refused" }).waitFor();
    expect(it.tab.errors).toEqual([]);
  });

  test("keeps the newest 500 lines", async () => {
    await using quiet = await startServer({ env: { NOTICES: "off" } });
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, `${quiet.url}/?user_id=flooded`);
    const items = Array.from({ length: 700 }, (_, index) => ({ user_id: "flooded", data: index }));
    expect((await quiet.request("POST", "/sse/push/batch", items)).status).toBe(200);
    await it.untilRead("699");
    const texts = await it.texts();
    expect(await it.page.locator("#messages > li").count()).toBe(500);
    expect(texts).toEqual(items.slice(-500).map(({ data }) => String(data)));
    await it.button("Clear").click();
    await it.page.getByText("No messages yet.").waitFor();
    expect(await it.texts()).toEqual([]);
  });
});

describe("the list of messages", () => {
  test("keeps the position that a reader scrolled to, and shows how many messages are new", async () => {
    await using quiet = await startServer({ env: { NOTICES: "off" } });
    await using context = await browser.context({ viewport: { width: 1100, height: 500 } });
    const it = await PageUnderTest.open(context, `${quiet.url}/?user_id=reader`);
    const items = Array.from({ length: 50 }, (_, index) => ({ user_id: "reader", data: `number ${index}` }));
    await quiet.request("POST", "/sse/push/batch", items);
    await it.untilRead("number 49");
    await it.page.evaluate(untilAtEnd);
    // A smaller window still shows the end, even without new messages.
    await it.page.setViewportSize({ width: 1100, height: 400 });
    await it.page.evaluate(untilAtEnd);
    await it.page.getByRole("log").focus();
    await it.page.keyboard.press("Home");
    await it.page.evaluate(untilAtTop);
    await push(quiet, { channel: "all", message: "below" });
    await it.button("1 new ↓").click();
    await it.page.evaluate(untilAtEnd);
    await it.button("1 new ↓").waitFor({ state: "hidden" });
  });
});

describe("the curl command", () => {
  testIf(Bun.which("curl") !== null, "it needs curl").each(["all", "@erin"])(
    "typed into a terminal, makes a message arrive in %s",
    async (channel) => {
      await using context = await browser.context({ permissions: ["clipboard-read", "clipboard-write"] });
      const it = await PageUnderTest.open(context, `${server.url}/?user_id=erin`);
      await it.page.getByRole("complementary").getByRole("combobox", { name: "To" }).selectOption(channel);
      await it.button("Copy").click();
      await it.button("Copied").waitFor();
      const line = await it.page.evaluate("navigator.clipboard.readText()");
      const shell = Bun.spawn(["sh", "-c", String(line)], { stdout: "pipe", stderr: "ignore" });
      const answer = await new Response(shell.stdout).text();
      await it.untilRead("Hello");
      expect(JSON.parse(answer)).toMatchObject(channel === "all" ? { channel } : { status: "success" });
    },
  );
});

describe("when the connection breaks,", () => {
  test("the page reconnects to a restarted server on the same port, and nothing is missing", async () => {
    const folder = mkdtempSync(join(tmpdir(), "fanfare-page-"));
    try {
      await using context = await browser.context();
      const env = { DATA_DIR: folder };
      await using first = await startServer({ env });
      const it = await PageUnderTest.open(context, `${first.url}/?channel=room:1`);
      await push(first, { channel: "room:1", message: "one" });
      await it.untilRead("one");
      await first[Symbol.asyncDispose]();
      await it.untilLost();
      await it.send("written meanwhile");
      await it.page.getByText("1 message waits for the connection.").waitFor();
      await using second = await startServer({ env, flags: ["--port", String(first.port)] });
      for (const message of ["two", "three"]) await push(second, { channel: "room:1", message });
      await it.untilConnected();
      await Promise.all(["three", "written meanwhile"].map((text) => it.untilRead(text)));
      const rooms = it.messages.filter({ has: it.page.getByText("room:1", { exact: true }) });
      expect(await rooms.locator(".body").allInnerTexts()).toEqual(["one", "two", "three"]);
      expect((await it.texts()).filter((text) => text.endsWith("written meanwhile"))).toHaveLength(1);
      expect(it.tab.console.join("\n")).not.toMatch(/missed|anew/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("a page that was offline reconnects by itself, and nothing is missing", async () => {
    using relay = await Relay.to(server.port);
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, `${relay.url}/?channel=room:2`);
    await push(server, { channel: "room:2", message: "one" });
    await it.untilRead("one");
    await context.setOffline(true);
    relay.cut();
    await it.page.getByText("until the network is back").waitFor();
    for (const message of ["two", "three"]) await push(server, { channel: "room:2", message });
    await context.setOffline(false);
    await it.untilRead("three");
    expect(await it.texts()).toEqual(["one", "two", "three"]);
  });

  test("a user can disconnect and connect again", async () => {
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, server.url);
    await it.button("Disconnect").click();
    await it.page.getByRole("status").filter({ hasText: "Disconnected" }).waitFor();
    await it.button("Connect").click();
    await it.untilConnected();
    await it.button("Send Hello").click();
    await it.untilRead("Hello");
    expect(it.tab.errors).toEqual([]);
  });
});

describe("when the server shuts down,", () => {
  test("the page says so, counts down and stays usable, and the server stops after the last tab is closed", async () => {
    await using draining = await startServer({ env: { SHUTDOWN_TIMEOUT: "600", DRAIN_WINDOW: "0" } });
    await using context = await browser.context();
    const tabs = [
      await PageUnderTest.open(context, draining.url),
      await PageUnderTest.open(context, `${draining.url}/?user_id=bob`),
    ] as const;
    draining.signal("SIGTERM");
    for (const { page } of tabs) {
      await page.getByRole("alert").filter({ hasText: "The server is shutting down." }).waitFor();
      const timer = page.getByRole("timer");
      const first = await timer.innerText();
      expect(first).toMatch(/^(10:00|9:\d\d)$/);
      await timer.filter({ hasNotText: first }).waitFor();
    }
    const [alice, bob] = tabs;
    await alice.button("Send Hello").click();
    await bob.untilRead("Hello");
    await alice.page.close();
    await bob.page.close();
    expect(await draining.exited).toBe(0);
    expect(draining.output).toContain('"initial":2,"left":2,"moved":0,"forced":0');
  });

  test("the notice disappears with the connection", async () => {
    await using draining = await startServer({ env: { SHUTDOWN_TIMEOUT: "600", DRAIN_WINDOW: "0" } });
    await using context = await browser.context();
    const it = await PageUnderTest.open(context, draining.url);
    draining.signal("SIGTERM");
    await it.page.getByRole("alert").filter({ hasText: "The server is shutting down." }).waitFor();
    draining.signal("SIGTERM"); // The second one closes all connections at once.
    await it.untilLost();
    await it.page.getByRole("timer").waitFor({ state: "hidden" });
    expect(await draining.exited).toBe(143);
  });
});

describe("on a secured server", () => {
  const env = { JWT_SECRET: secret, API_KEY: key };

  test("the page is off, and the answer says how to enable it", async () => {
    await using secured = await startServer({ env });
    const answer = await secured.request("GET", "/");
    expect(answer.status).toBe(404);
    expect(await answer.text()).toContain("PAGE=on");
  });

  test("with PAGE=on the page asks for a token, and connects as its user", async () => {
    await using secured = await startServer({ env: { ...env, PAGE: "on", NOTICES: "on" } });
    await using context = await browser.context();
    const { page } = await TabUnderTest.open(context, secured.url);
    await page.getByRole("log").getByText("This server requires a token").waitFor();
    const token = await new SignJWT({ subscribe: ["room:*"], publish: ["room:1"] })
      .setProtectedHeader({ alg: "HS256" })
      .setSubject("frank")
      .setExpirationTime("1h")
      .sign(new TextEncoder().encode(secret));
    await page.getByRole("textbox", { name: "Token" }).fill(token);
    await page.getByRole("region", { name: "Token" }).getByRole("button", { name: "Connect" }).click();
    await page.getByText("1 online", { exact: true }).waitFor();
    expect(await page.getByLabel("Name", { exact: true }).inputValue()).toBe("frank");
    await page.getByRole("button", { name: "Leave @frank" }).waitFor();
    const answer = await secured.request(
      "POST",
      "/sse/push",
      { user_id: "frank", data: "for Frank" },
      { Authorization: `Bearer ${key}` },
    );
    expect(answer.status).toBe(200);
    await page.getByRole("log").getByText("for Frank").waitFor();
    expect(page.url()).not.toContain(token);
    await page.getByRole("button", { name: "Send Hello" }).click();
    await page.getByRole("alert").filter({ hasText: "Not sent: chat is off" }).waitFor();
  });
});
