import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { bunPackage } from "../../bin/find-bun.js";
import { createClient } from "../../client/index.ts";
import { startServer } from "../e2e/server.ts";
import { describeIf } from "../test-if.ts";
import { FreshProject } from "./fresh-project.ts";
import { root } from "./packed.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const reason = "compiles 110 MB: npm run test:long";
const folder = join(root, "dist/binary");
const name = `fanfare-${bunPackage().replace("@oven/bun-", "")}`;
const binary = join(folder, name);
const apiKey = "key-of-the-test-that-is-long";
const secrets = { API_KEY: apiKey, JWT_SECRET: "secret-of-the-test-that-is-long-enough" };

let project: FreshProject;

describeIf(isLong, reason)("the single executable", () => {
  beforeAll(async () => {
    project = new FreshProject({ "fanfare.config.yaml": "history_size: 500\n" });
    const built = Bun.spawn(["node", "scripts/build-binary.js"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
    expect(await built.exited).toBe(0);
  }, 180_000);
  afterAll(() => project[Symbol.dispose]());

  test("has a checksum, and a bill of materials that names its runtime and what it contains", async () => {
    const check = Bun.spawnSync(["sha256sum", "--check", `${name}.sha256`], { cwd: folder });
    expect([check.exitCode, check.stdout.toString()]).toEqual([0, `${name}: OK\n`]);
    const { metadata, components } = JSON.parse(readFileSync(`${binary}.cdx.json`, "utf8"));
    expect(metadata.component.name).toBe("fanfare");
    const names = components.map((it: { readonly name: string }) => it.name);
    const { dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    for (const it of [bunPackage(), ...Object.keys(dependencies)]) expect(names).toContain(it);
    expect(names).not.toContain("playwright-core");
  });

  test("has its workers, its storage and its pages in it", async () => {
    const flags = ["--workers", "2"];
    const options = { binary, cwd: project.folder, env: { DATA_DIR: project.path("data") }, flags };
    {
      await using server = await startServer(options);
      const client = createClient(server.url, { userId: "alice" });
      const got = new Promise((resolve) => void client.channel("room:1").on("message", ({ data }) => resolve(data)));
      const { promise: joined, resolve } = Promise.withResolvers<void>();
      client.channel("room:1").on("presence", () => resolve());
      await joined;
      const stored = await server.request("POST", "/v1/publish", { channel: "room:1", data: { n: 1 } });
      expect(stored.status).toBe(200);
      expect(await got).toEqual({ n: 1 });
      client.close();
      for (const [path, word] of Object.entries({
        "/": "<!doctype html>",
        "/page/app.js": "makeClient",
        "/page/style.css": "{",
        "/client.js": "Fanfare",
        "/admin": "Fanfare dashboard",
        "/admin/app.js": "v1/stats",
        "/docs": "<!doctype html>",
      })) {
        const response = await fetch(server.url + path);
        expect([path, response.status]).toEqual([path, 200]);
        expect(await response.text()).toContain(word);
      }
      server.signal("SIGTERM");
      expect(await server.exited).toBe(0);
    }
    await using again = await startServer(options);
    const history = await again.request("GET", "/v1/channels/room:1/history?since=earliest");
    expect(await history.json()).toMatchObject({ messages: [{ offset: 1, data: { n: 1 } }] });
  });

  test("is the command line, too, and names itself in it", async () => {
    await using server = await startServer({ binary, cwd: project.folder, env: secrets, flags: ["--workers", "2"] });
    const run = (...args: readonly string[]) => {
      const port = ["--port", String(server.port)];
      return project.run([binary, ...args, ...(isLocal(args) ? [] : port)], { ...secrets, FANFARE_TOKEN: token });
    };
    let token = "";
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    expect((await run("--version")).out).toBe(`${version}\n`);
    expect((await run("--help")).out).toStartWith(`Usage: ${binary} `);
    expect((await run("config", "check")).code).toBe(0);
    token = (await run("token", "create", "alice", "--subscribe", "news")).out.trim();
    expect((await run("publish", "--channel", "news", "Hello")).code).toBe(0);
    const read = await run("subscribe", "news", "--since", "earliest", "--count", "1");
    expect([read.code, read.out]).toEqual([0, expect.stringContaining("Hello")]);
    expect((await run("status")).out).toMatch(/worker 2 +healthy/);
    const wrong = await run("publish", "--channel", "a b", "Hello");
    expect([wrong.code, wrong.err]).toEqual([expect.any(Number), expect.stringContaining("channel")]);
    expect((await run("drain", "--wait")).code).toBe(0);
    expect(await server.exited).toBe(0);
  });
});

/** These commands talk to no server. */
function isLocal([command = ""]: readonly string[]): boolean {
  return command.startsWith("-") || command === "token" || command === "config";
}
