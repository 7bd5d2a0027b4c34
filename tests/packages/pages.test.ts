import { afterAll, beforeAll, expect, test } from "bun:test";
import { join, normalize } from "node:path";
import { filesOfGuide } from "../docs/guide-files.ts";
import { BrowserUnderTest, TabUnderTest } from "../e2e/browser.ts";
import { type ServerUnderTest, startServer } from "../e2e/server.ts";
import { describeIf } from "../test-if.ts";
import { untilPrinted } from "../until-printed.ts";
import { FreshProject } from "./fresh-project.ts";
import { packSdk } from "./packed.ts";
import { registryEnv } from "./registry.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const reason = "installs bundlers from the npm registry, which takes minutes: npm run test:long";

/** Shows what arrives, and who is there. Presence and event streams are files that a page loads later. */
const script = `
const { server, transport } = Object.fromEntries(new URLSearchParams(location.search));
const room = createClient(server, { transports: [transport] }).channel("room:1");
const show = (id, text) => { document.getElementById(id).textContent = text; };
room.on("message", ({ data }) => show("message", data.text));
room.on("presence", ({ count }) => show("presence", count));
`;
const module = `import { createClient } from "@fanfare/client";${script}`;

function html(scripts: string): string {
  return `<!doctype html><title>test</title><link rel="icon" href="data:,"><p id="message"><p id="presence">${scripts}`;
}

const react = `import * as React from "react";
import { createClient } from "@fanfare/client";
import { makeHooks } from "@fanfare/client/react";

const { useChannel } = makeHooks(React);
const { server = "", transport } = Object.fromEntries(new URLSearchParams(location.search));
const client = createClient(server, { transports: [transport === "sse" ? "sse" : "websocket"] });

export default function App() {
  const { messages } = useChannel<{ text: string }>(client, "room:1");
  const [count, setCount] = React.useState(0);
  React.useEffect(() => client.channel("room:1").on("presence", (it) => setCount(it.count)), []);
  return <><p id="message">{messages.at(-1)?.data.text}</p><p id="presence">{count}</p></>;
}
`;

/** The tools that users build pages with, and the output folder of each. */
const builds = [
  {
    name: "Vite with its React template in TypeScript",
    folder: "app/dist",
    async make(project: FreshProject, sdk: string) {
      const template = ["vite@latest", "app", "--", "--template", "react-ts", "--no-interactive"];
      await project.expect(["npm", "create", "--yes", ...template], registryEnv(project));
      project.write("app/src/App.tsx", react);
      await npm(project, ["install", "--prefix", "app", sdk]);
      await npm(project, ["run", "--prefix", "app", "build"]);
    },
  },
  {
    name: "webpack",
    folder: "dist",
    async make(project: FreshProject, sdk: string) {
      project.write("src/index.js", module);
      await npm(project, ["install", "webpack", "webpack-cli", sdk]);
      await npm(project, ["exec", "webpack", "--", "--mode", "production"]);
      project.write("dist/index.html", html('<script src="main.js"></script>'));
    },
  },
  {
    name: "esbuild",
    folder: "dist",
    async make(project: FreshProject, sdk: string) {
      project.write("page.js", module);
      await npm(project, ["install", "esbuild", sdk]);
      const options = ["--bundle", "--minify", "--splitting", "--format=esm", "--outdir=dist"];
      await npm(project, ["exec", "esbuild", "--", "page.js", ...options]);
      project.write("dist/index.html", html('<script type="module" src="page.js"></script>'));
    },
  },
  {
    name: "no bundler, with the script of the package",
    folder: ".",
    async make(project: FreshProject, sdk: string) {
      await npm(project, ["install", sdk]);
      const path = "node_modules/@fanfare/client/dist/client.js";
      const program = `{ const { createClient } = Fanfare;${script}}`;
      project.write("index.html", html(`<script src="${path}"></script><script>${program}</script>`));
    },
  },
];

let browser: BrowserUnderTest;
let tools: FreshProject;
let sdk: string;

describeIf(isLong, reason)("a page that uses the packed SDK shows a message", () => {
  beforeAll(async () => {
    tools = new FreshProject();
    [browser, sdk] = await Promise.all([BrowserUnderTest.start(), packSdk(tools)]);
  }, 240_000);
  afterAll(async () => {
    await browser[Symbol.asyncDispose]();
    tools[Symbol.dispose]();
  });

  test.each(builds)("built by $name", async ({ folder, make }) => {
    using project = new FreshProject({ "package.json": "{}" });
    await make(project, sdk);
    await using site = serveFolder(project.path(folder));
    for (const transport of ["websocket", "sse"]) {
      await using server = await startServer();
      await using context = await browser.context();
      const query = new URLSearchParams({ server: server.url, transport });
      const { page, errors } = await TabUnderTest.open(context, `${site.url}?${query}`);
      await page.waitForFunction('document.getElementById("presence")?.textContent === "1"');
      await publish(server, "room:1", { text: "Hello" });
      await page.waitForFunction('document.getElementById("message").textContent === "Hello"');
      expect(errors).toEqual([]);
    }
  });

  test("built and served by Next.js, as its guide says", async () => {
    const secrets = { API_KEY: "key-of-the-test-that-is-long", JWT_SECRET: "secret-of-the-test-that-is-long-enough" };
    await using server = await startServer({ env: { ...secrets, CORS_ORIGINS: "*" } });
    using project = new FreshProject({
      "package.json": "{}",
      "lib/current-user.ts": 'export const currentUser = async (): Promise<string | undefined> => "alice";\n',
      "app/layout.tsx":
        "export default ({ children }: { children: React.ReactNode }) => <html><body>{children}</body></html>;\n",
      "app/page.tsx": 'import { Orders } from "./orders";\nexport default () => <Orders />;\n',
    });
    for (const [path, code] of filesOfGuide("nextjs.md")) project.write(path, code);
    const types = ["typescript@5", "@types/react", "@types/node"];
    await npm(project, ["install", "next", "react", "react-dom", ...types, sdk]);
    const addresses = { FANFARE_URL: server.url, NEXT_PUBLIC_FANFARE_URL: server.url, NEXT_TELEMETRY_DISABLED: "1" };
    const env = { ...secrets, ...addresses };
    await project.expect(["node_modules/.bin/next", "build"], env);
    await using app = await startNext(project, env);
    await using context = await browser.context();
    const { page, errors } = await TabUnderTest.open(context, app.url);
    await page.waitForFunction('document.body.innerText.includes("connected: nothing shipped yet")');
    await publish(server, "orders", { shipped: 7 }, { Authorization: `Bearer ${secrets.API_KEY}` });
    await page.waitForFunction('document.body.innerText.includes("shipped 7")');
    expect(errors.filter((it) => !it.includes("favicon") && !it.includes("404"))).toEqual([]);
  });
});

async function npm(project: FreshProject, args: readonly string[]): Promise<void> {
  await project.expect(["npm", "--no-audit", "--no-fund", ...args], registryEnv(project));
}

async function publish(server: ServerUnderTest, channel: string, data: unknown, headers = {}): Promise<void> {
  const body = JSON.stringify({ channel, data });
  const sent = { method: "POST", body, headers: { "Content-Type": "application/json", ...headers } };
  expect((await fetch(`${server.url}/v1/publish`, sent)).status).toBe(200);
}

function serveFolder(folder: string) {
  const site = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch({ url }) {
      const path = normalize(new URL(url).pathname);
      return new Response(Bun.file(join(folder, path === "/" ? "index.html" : path)));
    },
  });
  return { url: site.url.href, [Symbol.asyncDispose]: () => site.stop(true) };
}

/** Starts the built app on a free port, which Next.js prints. */
async function startNext(project: FreshProject, env: Readonly<Record<string, string>>) {
  const command = ["node", "node_modules/next/dist/bin/next", "start", "--port", "0", "--hostname", "127.0.0.1"];
  const child = Bun.spawn(command, {
    cwd: project.folder,
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const dispose = async () => {
    child.kill();
    await child.exited;
  };
  const [url] = await untilPrinted(child.stdout, /http:\/\/127\.0\.0\.1:\d+/);
  return { url, [Symbol.asyncDispose]: dispose };
}
