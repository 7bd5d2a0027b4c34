import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { writeModules } from "../../scripts/build/sdk.js";
import { Shared } from "../shared.ts";
import { defaultTimeoutMs } from "../waiting.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { Relay } from "./relay.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

/** The built SDK. */
let modules: string;

/** The events that the page's script records for the test. */
interface PageLog {
  readonly messages: readonly number[];
  readonly gaps: readonly unknown[];
  readonly statuses: readonly string[];
}

let browser: BrowserUnderTest;
let server: ServerUnderTest;
let site: Bun.Server<undefined>;

const shared = new Shared();
beforeAll(async () => {
  modules = mkdtempSync(join(tmpdir(), "fanfare-modules-"));
  [browser, server] = await Promise.all([shared.use(BrowserUnderTest.start()), shared.use(startServer())]);
  site = await serveSite();
  shared.defer(() => site.stop(true));
}, 240_000);

afterAll(async () => {
  await shared.close();
  rmSync(modules, { recursive: true, force: true });
});

describe.each(["websocket", "sse"])("in a browser, over %s,", (transport) => {
  test("a page that loses its network resumes when the network is back", async () => {
    using relay = await Relay.to(server.port);
    await using context = await browser.context();
    const channel = `room:${transport}`;
    const query = new URLSearchParams({ server: relay.url, transport, channel });
    const { page, errors } = await TabUnderTest.open(context, `${site.url}?${query}`);
    await untilLogged(page, ({ statuses }) => statuses.at(-1) === "connected");
    await publish(channel, 1);
    await untilLogged(page, ({ messages }) => messages.length === 1);
    await context.setOffline(true);
    relay.cut();
    await untilLogged(page, ({ statuses }) => statuses.at(-1) === "offline");
    for (const data of [2, 3]) await publish(channel, data);
    await context.setOffline(false);
    await publish(channel, 4);
    const { messages, gaps } = await untilLogged(page, ({ messages }) => messages.length >= 4);
    expect(messages).toEqual([1, 2, 3, 4]);
    expect(gaps).toEqual([]);
    expect(errors.filter((it) => !it.includes("ERR_"))).toEqual([]);
  });
});

test.each(["websocket", "sse"])("a page without modules uses the server's script, over %s", async (transport) => {
  await using context = await browser.context();
  const channel = `plain:${transport}`;
  const query = new URLSearchParams({ server: server.url, transport, channel });
  const { page, errors } = await TabUnderTest.open(context, `${site.url}plain?${query}`);
  await untilLogged(page, ({ statuses }) => statuses.at(-1) === "connected");
  await publish(channel, 1);
  await untilLogged(page, ({ messages }) => messages.length === 1);
  expect(errors).toEqual([]);
});

test("in a browser, a refused connection has a close code and a reason", async () => {
  await using secured = await startServer({
    env: {
      JWT_SECRET: "a-secret-of-the-test-that-is-long-enough",
      API_KEY: "key-of-the-test-that-is-long",
      CORS_ORIGINS: "*",
    },
  });
  await using context = await browser.context();
  const query = new URLSearchParams({ server: secured.url, transport: "websocket", channel: "room:1" });
  const { page } = await TabUnderTest.open(context, `${site.url}?${query}`);
  const { statuses } = await untilLogged(page, ({ statuses }) => statuses.at(-1) === "closed");
  expect(statuses).not.toContain("connected");
  expect(await page.evaluate("client.state.code")).toBe(4500);
});

async function publish(channel: string, data: number): Promise<void> {
  const answer = await server.request("POST", "/v1/publish", { channel, data });
  expect(answer.status).toBe(200);
}

async function untilLogged(page: Page, isDone: (log: PageLog) => boolean): Promise<PageLog> {
  await page.waitForFunction(`(${isDone})(log)`, undefined, { timeout: defaultTimeoutMs });
  return page.evaluate("log");
}

/** Pages that subscribe to the channel in their URL: with the modules of the package, and at `/plain` with the server's script. */
async function serveSite(): Promise<Bun.Server<undefined>> {
  await writeModules(process.execPath, modules);
  const begin = `const { server, transport, channel } = Object.fromEntries(new URLSearchParams(location.search));
    window.log = { messages: [], gaps: [], statuses: [] };`;
  const program = `window.client = createClient(server, { transports: [transport] });
    client.on("state", ({ status }) => log.statuses.push(status));
    client.channel(channel).on("message", ({ data }) => log.messages.push(data));
    client.channel(channel).on("gap", (gap) => log.gaps.push(gap));`;
  const page = (scripts: string) => () =>
    new Response(`<!doctype html><title>test</title><link rel="icon" href="data:,">${scripts}`, {
      headers: { "Content-Type": "text/html" },
    });
  return Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    routes: {
      "/": page(
        `<script type="module">import { createClient } from "./modules/index.js";\n${begin}\n${program}</script>`,
      ),
      "/plain": page(
        `<script src="${server.url}/client.js"></script><script>${begin}\nconst { createClient } = Fanfare;\n${program}</script>`,
      ),
      "/modules/*": ({ url }) => new Response(Bun.file(join(modules, new URL(url).pathname.slice("/modules/".length)))),
    },
    fetch: () => new Response(null, { status: 404 }),
  });
}
