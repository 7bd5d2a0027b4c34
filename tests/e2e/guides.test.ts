import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { createPublisher, createToken } from "../../client/publisher/index.ts";
import { childEnv } from "../child-env.ts";
import { filesOfGuide } from "../docs/guide-files.ts";
import { withSdkOfCheckout } from "../docs/sdk-of-checkout.ts";
import { FreshProject } from "../packages/fresh-project.ts";
import { Shared } from "../shared.ts";
import { testIf } from "../test-if.ts";
import { untilPrinted } from "../until-printed.ts";
import { BrowserUnderTest, TabUnderTest } from "./browser.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import { StreamUnderTest } from "./stream.ts";

const root = join(import.meta.dir, "..", "..");
const python = process.env.FANFARE_PYTHON ?? "python3";
const secrets = { API_KEY: "key-of-the-test-that-is-long", JWT_SECRET: "secret-of-the-test-that-is-long-enough" };

let server: ServerUnderTest;
let project: FreshProject;

const shared = new Shared();
beforeAll(async () => {
  project = new FreshProject();
  project.write("node_modules/.keep", "");
  symlinkSync(join(root, "node_modules/hono"), project.path("node_modules/hono"));
  server = await shared.use(startServer({ env: { ...secrets, CORS_ORIGINS: "*" } }));
});
afterAll(async () => {
  await shared.close();
  project[Symbol.dispose]();
});

function writeFilesOf(guide: string): void {
  for (const [path, code] of filesOfGuide(guide)) project.write(path, withSdkOfCheckout(code));
}

/** Starts a backend that prints its port. */
async function startBackend(command: readonly string[]) {
  const child = Bun.spawn([...command], {
    cwd: project.folder,
    env: childEnv({ ...secrets, FANFARE_URL: server.url }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = await untilPrinted(child.stdout, /^\d+(?=\n)/);
  return { url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => end(child) };
}

async function end(child: Bun.Subprocess): Promise<void> {
  child.kill();
  await child.exited;
}

/** Does what the page of the guide does, as a user who has two connections. */
async function checkBackend(url: string, order: number): Promise<void> {
  const answer = await fetch(`${url}/fanfare/token`);
  expect(answer.headers.get("cache-control")).toContain("no-store");
  const Authorization = `Bearer ${await answer.text()}`;
  using stream = await StreamUnderTest.open(`${server.url}/sse?channel=orders`, { Authorization });
  expect(stream.welcome).toMatchObject({ user_id: "alice" });
  expect((await fetch(`${url}/orders/${order}/ship`, { method: "POST" })).status).toBe(204);
  expect((await fetch(`${url}/orders/${order}/ship`, { method: "POST" })).status).toBe(204);
  await server.request("POST", "/v1/publish", { channel: "orders", data: "end" }, { "X-API-Key": secrets.API_KEY });
  await stream.until(({ data }) => data === "end");
  await stream.until(({ event }) => event === "shipped");
  const received = stream.messages.map(({ channel, data }) => ({ channel, data }));
  expect(received).toHaveLength(3);
  expect(received).toContainEqual({ channel: "@alice", data: { order } });
  expect(received).toContainEqual({ channel: "orders", data: { shipped: order } });
}

describe("a user receives each message once, with the code of the guide for", () => {
  test("Hono, and with the route handler and the action of the one for Next.js", async () => {
    for (const guide of ["node.md", "nextjs.md"]) writeFilesOf(guide);
    project.write("current-user.js", 'export const currentUser = () => "alice";');
    project.write("lib/current-user.ts", 'export const currentUser = async () => "alice";');
    project.write(
      "serve.ts",
      `import { GET } from "./app/fanfare/token/route.ts";
       import { shipOrder } from "./app/actions.ts";
       import hono from "./hono.js";
       const { port } = Bun.serve({ hostname: "127.0.0.1", port: 0, routes: {
         "/next/fanfare/token": { GET },
         "/next/orders/:order/ship": { POST: async ({ params }) => {
           await shipOrder(Number(params.order));
           return new Response(null, { status: 204 });
         } },
       }, fetch: hono.fetch });
       console.log(port);`,
    );
    await using backend = await startBackend([process.execPath, "--no-env-file", "serve.ts"]);
    await checkBackend(backend.url, 1);
    await checkBackend(`${backend.url}/next`, 2);
  });

  const hasDjango = spawnSync(python, ["-c", "import django, jwt, requests"], { stdio: "ignore" }).status === 0;
  testIf(hasDjango, "needs Python with django, pyjwt and requests")("Django", async () => {
    writeFilesOf("django.md");
    project.write(
      "serve.py",
      `from types import SimpleNamespace
from wsgiref.simple_server import make_server
from django.conf import settings

class LoggedIn:
    def __init__(self, get_response):
        self.get_response = get_response
    def __call__(self, request):
        request.user = SimpleNamespace(pk="alice", is_authenticated=True)
        return self.get_response(request)

settings.configure(ROOT_URLCONF="urls", ALLOWED_HOSTS=["*"], SECRET_KEY="x", MIDDLEWARE=["__main__.LoggedIn"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
from django.core.wsgi import get_wsgi_application
server = make_server("127.0.0.1", 0, get_wsgi_application())
print(server.server_port, flush=True)
server.serve_forever()`,
    );
    await using backend = await startBackend([python, "serve.py"]);
    await checkBackend(backend.url, 3);
  });
});

/** The expressions of the templates, which insert the user's id. */
const templates: readonly (readonly [string, string])[] = [
  ['{{ request.user.pk|json_script:"user-id" }}', '<script id="user-id" type="application/json">"alice"</script>'],
  ["@json((string) auth()->id())", '"alice"'],
  ["<%= raw current_user.id.to_s.to_json %>", '"alice"'],
];

/** The page of a guide, as its framework would send it. */
function pageOf(guide: string): string {
  const text = readFileSync(join(root, "docs/guides", `${guide}.md`), "utf8");
  const [, html] = /^```html\n(.*?)^```$/ms.exec(text) ?? [];
  if (html === undefined) throw new Error(`docs/guides/${guide}.md has no html block`);
  const page = html.replaceAll("https://push.example.com", server.url);
  return templates.reduce((before, [expression, value]) => before.replace(expression, value), page);
}

test("the pages of the guides receive what is published to the user and to the channel", async () => {
  const guides = ["node", "django", "laravel", "rails", "spring"];
  const token = await createToken({ userId: "alice", secret: secrets.JWT_SECRET, subscribe: ["orders"] });
  await using site = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const path = new URL(request.url).pathname.slice(1);
      if (path === "fanfare/token") return new Response(token);
      if (!guides.includes(path)) return new Response(null, { status: 204 }); // the browser asks for an icon
      return new Response(pageOf(path), { headers: { "Content-Type": "text/html" } });
    },
  });
  await using browser = await BrowserUnderTest.start();
  const context = await browser.context();
  const tabs = await Promise.all(guides.map((guide) => TabUnderTest.open(context, `${site.url}${guide}`)));
  const isConnected = () => Function('return client.state.status === "connected"')();
  await Promise.all(tabs.map(({ page }) => page.waitForFunction(isConnected)));
  const publisher = createPublisher({ url: server.url, apiKey: secrets.API_KEY });
  await publisher.push("alice", { order: 77 }, { event: "shipped" });
  await publisher.publish("orders", { shipped: 77 });
  for (const tab of tabs) {
    while (tab.console.filter((line) => line.includes("77")).length < 2) await tab.page.waitForTimeout(20);
    expect(tab.console.toSorted()).toEqual(["shipped {order: 77}", "{shipped: 77}"]);
  }
});
