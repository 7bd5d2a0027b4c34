import { expect } from "bun:test";
import { join } from "node:path";
import { createClient } from "../../client/index.ts";
import { startServer } from "../e2e/server.ts";
import { testIf } from "../test-if.ts";
import { FreshProject } from "./fresh-project.ts";
import { root } from "./packed.ts";

const isLong = process.env.FANFARE_LONG !== undefined;
const reason = "compiles 110 MB: npm run test:long";

testIf(isLong, reason)("the single executable has its workers, its storage and its pages in it", async () => {
  using project = new FreshProject({ "fanfare.config.yaml": "history_size: 500\n" });
  const binary = project.path("fanfare");
  await project.expect([process.execPath, "--no-env-file", join(root, "scripts/build/compile.ts"), binary]);
  const options = {
    binary,
    cwd: project.folder,
    env: { DATA_DIR: project.path("data") },
    flags: ["--workers", "2"],
  };
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
