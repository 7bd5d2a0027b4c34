import { afterAll, beforeAll, expect, test } from "bun:test";
import { patienceMs } from "../waiting.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { SocketUnderTest } from "./socket.ts";

const key = "key-of-the-test-that-is-long-enough";
const readKey = "read-key-of-the-test-0123456789";
const secret = "a-secret-of-the-test-that-is-long-enough";

let browser: BrowserUnderTest;
let server: ServerUnderTest;

beforeAll(async () => {
  const env = { API_KEY: `${key},read@${readKey}`, JWT_SECRET: secret, ANONYMOUS: "on" };
  [browser, server] = await Promise.all([BrowserUnderTest.start(), startServer({ env })]);
}, 60_000);

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

async function open(context: Parameters<BrowserUnderTest["context"]>[0] = {}) {
  const tab = await TabUnderTest.open(await browser.context(context), `${server.url}/admin`);
  tab.page.setDefaultTimeout(patienceMs);
  return { tab, page: tab.page };
}

test("the dashboard asks for a key, shows the server, and closes a connection", async () => {
  using client = await SocketUnderTest.open(server.wsUrl);
  const { tab, page } = await open();
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
