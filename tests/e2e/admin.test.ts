import { afterAll, beforeAll, expect, test } from "bun:test";
import { makeToken } from "../../server/auth/token.ts";
import { Shared } from "../shared.ts";
import { defaultTimeoutMs } from "../waiting.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const key = "key-of-the-test-that-is-long-enough";
const readKey = "read-key-of-the-test-0123456789";
const secret = "a-secret-of-the-test-that-is-long-enough";

let browser: BrowserUnderTest;
let server: ServerUnderTest;

const shared = new Shared();
beforeAll(async () => {
  const env = { API_KEY: `${key},read@${readKey}`, JWT_SECRET: secret, ANONYMOUS: "on" };
  [browser, server] = await Promise.all([shared.use(BrowserUnderTest.start()), shared.use(startServer({ env }))]);
}, 240_000);

afterAll(() => shared.close());

async function join(channel: string, sub = "bob"): Promise<SocketUnderTest> {
  const grants = { subscribe: [channel], publish: [] };
  const token = await makeToken({ secret, sub, ...grants, expiresInS: 3600 });
  return SocketUnderTest.open(`${server.wsUrl}?channel=${channel}&token=${token}`);
}

async function open(context: Parameters<BrowserUnderTest["context"]>[0] = {}) {
  const tab = await TabUnderTest.open(await browser.context(context), `${server.url}/admin`);
  tab.page.setDefaultTimeout(defaultTimeoutMs);
  return { tab, page: tab.page };
}

test("the dashboard asks for a key, shows the server, and closes a connection", async () => {
  using client = await SocketUnderTest.open(server.wsUrl);
  const { tab, page } = await open();
  await page.getByRole("textbox", { name: "Key" }).waitFor();
  expect(tab.errors, "nothing was asked without a key").toEqual([]);
  await page.getByRole("textbox", { name: "Key" }).fill("wrong-key-0123456789abcdef");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "the API key is wrong" }).waitFor();
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.keyboard.press("Enter");
  const processes = page.getByRole("region", { name: "Processes" });
  await processes.getByRole("cell", { name: "healthy" }).waitFor();
  expect(await processes.getByRole("cell").nth(1).textContent()).toBe("1");
  await page.getByRole("slider", { name: "Connections, last hour", exact: true }).waitFor();

  page.on("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: "Search" }).click();
  await page.getByRole("region", { name: "Connections found" }).getByRole("button").click();
  await page.getByText("No open connections.").waitFor();
  expect((await client.untilClosed()).code).toBe(4504);

  // The key survives a reload, is never part of the address, and is gone once it was forgotten.
  await page.reload();
  await processes.waitFor();
  expect(page.url()).toBe(`${server.url}/admin`);
  await page.getByRole("button", { name: "Forget key" }).click();
  await page.getByRole("textbox", { name: "Key" }).waitFor();
  expect(await page.evaluate<number>("sessionStorage.length")).toBe(0);
  expect(tab.errors.filter((it) => !it.includes("401"))).toEqual([]);
});

test("connections are found by user, channel and id, and shown in pages", async () => {
  const sockets = await Promise.all(Array.from({ length: 101 }, (_, n) => join("room:crowd", `user-${n}`)));
  try {
    const { page } = await open();
    await page.getByRole("textbox", { name: "Key" }).fill(key);
    await page.keyboard.press("Enter");
    const form = page.getByRole("form", { name: "Find connections" });
    const rows = page.getByRole("region", { name: "Connections found" }).getByRole("row");
    const search = () => form.getByRole("button", { name: "Search" }).click();
    await form.getByLabel("Channel").fill("room:crowd");
    await search();
    await page.getByText("Connections 1 to 100 of 101.").waitFor();
    expect(await rows.count()).toBe(101); // with the header
    expect(await page.getByRole("button", { name: "Previous page" }).isDisabled()).toBe(true);
    await page.getByRole("button", { name: "Next page" }).click();
    await page.getByText("Connections 101 to 101 of 101.").waitFor();
    expect(await page.getByRole("button", { name: "Next page" }).isDisabled()).toBe(true);
    await form.getByLabel("Connection id").fill(String(sockets[7]?.welcome.connection_id));
    await search();
    await page.getByText("1 connection.").waitFor();
    await form.getByLabel("User").fill("alice");
    await search();
    await page.getByText("No open connections.").waitFor();
    await form.getByLabel("Channel").fill("not a channel");
    await search();
    await page.getByRole("alert").filter({ hasText: "channel: expected" }).waitFor();
  } finally {
    for (const socket of sockets) socket.close();
    await Promise.all(sockets.map((it) => it.untilClosed()));
  }
});

test("channels are sorted by a column, and one is looked at by choosing it", async () => {
  using _client = await join("room:1", "carol");
  const { page } = await open();
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.keyboard.press("Enter");
  const table = page.getByRole("region", { name: "Channels", exact: true });
  const subscribers = table.getByRole("button", { name: "Subscribers" });
  await subscribers.click();
  expect(await subscribers.getAttribute("aria-pressed")).toBe("true");
  await table.getByRole("button", { name: "all" }).click();
  await page.getByText("all is at offset 0 and has 1 connection: carol.").waitFor();
  expect(await page.getByRole("form", { name: "Look at a channel" }).getByLabel("Name").inputValue()).toBe("all");
  expect(await page.evaluate<string>("document.activeElement.textContent")).toBe("Look at a channel");
});

test("a message is published, traced, tailed and found in its channel", async () => {
  using _client = await SocketUnderTest.open(server.wsUrl);
  const { tab, page } = await open();
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.keyboard.press("Enter");
  const tail = page.getByRole("region", { name: "Live tail" });
  await tail.getByRole("button", { name: "Start" }).click();
  await tail.getByText("Nothing yet.").waitFor();

  const publish = page.getByRole("form", { name: "Publish a message" });
  await publish.getByLabel("Channel").fill("room:1");
  await publish.getByLabel("Message").fill('{"big":12345678901234567890}');
  await publish.getByRole("button").click();
  await page.getByText(/Published to room:1: offset 1, id /).waitFor();
  await tail.getByText(/room:1, offset 1, id /).waitFor();
  await tail.getByRole("button", { name: "Stop" }).click();
  await tail.getByRole("button", { name: "Start" }).waitFor();

  const channel = page.getByRole("form", { name: "Look at a channel" });
  await channel.getByLabel("Name").fill("room:1");
  await channel.getByRole("button").click();
  await page.getByText("room:1 is at offset 1 and has 0 connections.").waitFor();

  const trace = page.getByRole("form", { name: "Trace a message" });
  await trace.getByLabel("Of user").fill("alice");
  await trace.getByLabel("In channel").fill("room:1");
  await trace.getByRole("button").click();
  await page.getByText("alice has no connection to this server").waitFor();
  expect(tab.errors.filter((it) => !it.includes("401"))).toEqual([]);
});

test("a reload without workers is refused with the reason, and a schedule can be paused", async () => {
  const body = { publish: { channel: "room:1", data: 1 }, every_s: 3600 };
  const bearer = { Authorization: `Bearer ${key}` };
  expect((await server.request("PUT", "/v1/schedules/hourly", body, bearer)).status).toBe(201);
  const { page } = await open();
  page.on("dialog", (dialog) => void dialog.accept());
  await page.getByRole("textbox", { name: "Key" }).fill(key);
  await page.keyboard.press("Enter");
  await page.getByText("The server is running.").waitFor();
  await page.getByRole("button", { name: "Reload workers" }).click();
  await page.getByRole("alert").filter({ hasText: "start it with WORKERS=1 or more" }).waitFor();
  await page.getByRole("button", { name: "Show schedules" }).click();
  await page.getByRole("button", { name: "pause hourly" }).click();
  await page.getByRole("button", { name: "resume hourly" }).waitFor();
  await page.getByRole("cell", { name: "every 3600 s" }).waitFor();
});

test("a key that may only read cannot close connections, and a phone needs no sideways scrolling", async () => {
  using _client = await SocketUnderTest.open(server.wsUrl);
  const { page } = await open({ viewport: { width: 390, height: 800 }, colorScheme: "dark" });
  await page.getByRole("textbox", { name: "Key" }).fill(readKey);
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Processes" }).waitFor();
  await page.getByRole("button", { name: "Search" }).click();
  page.on("dialog", (dialog) => void dialog.accept());
  await page.getByRole("region", { name: "Connections found" }).getByRole("button").click();
  await page.getByRole("alert").filter({ hasText: "requires a key with the scope admin" }).waitFor();
  await page.getByRole("region", { name: "Processes" }).waitFor();
  expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBe(390);
});
