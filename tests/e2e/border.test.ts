import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiKey, jwtSecret, tokenOf } from "./healthy-users.ts";
import { RawSocket } from "./raw-socket.ts";
import { type ServerUnderTest, startServer } from "./server.ts";

const credentials = { API_KEY: apiKey, JWT_SECRET: jwtSecret };
const asBackend = { Authorization: `Bearer ${apiKey}` };

/** The status of a request whose target is sent as it is written here. */
async function rawStatus(server: ServerUnderTest, target: string): Promise<number> {
  using raw = await RawSocket.connect(server.port);
  raw.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${authorization}\r\n\r\n`);
  await raw.untilReceived(/^HTTP\/1\.1 \d{3}/);
  return Number(raw.received.slice(9, 12));
}
const authorization = `Authorization: Bearer ${apiKey}`;

describe("ALLOWED_HOSTS", () => {
  test("lets a secured server be addressed by those names only, except for health checks", async () => {
    const env = { ...credentials, ANONYMOUS: "on", ALLOWED_HOSTS: "chat.example.com,*.example.org" };
    await using server = await startServer({ env });
    const get = async (Host: string, path = "/health") =>
      (await server.request("GET", path, undefined, { Host })).status;
    for (const host of ["chat.example.com", "CHAT.example.com:8443", "a.example.org", "a.b.example.org:80"]) {
      expect([host, await get(host)]).toEqual([host, 200]);
    }
    for (const host of ["evil.example", "chat.example.com.evil.example", "example.org", "xexample.org", "127.0.0.1"]) {
      expect([host, await get(host), await get(host, "/sse"), await get(host, "/ws")]).toEqual([host, 403, 403, 403]);
      expect([host, await get(host, "/livez"), await get(host, "/readyz")]).toEqual([host, 200, 200]);
    }
  });

  test("replaces the loopback names of an open server", async () => {
    await using server = await startServer({ env: { ALLOWED_HOSTS: "dev.example" } });
    const get = async (Host: string) => (await server.request("GET", "/health", undefined, { Host })).status;
    expect([await get("dev.example"), await get("localhost")]).toEqual([200, 403]);
  });
});

describe("a page of another website", () => {
  const crossSite = { "Sec-Fetch-Site": "cross-site" };

  test("cannot use an open server by the address of an image, a script or a frame", async () => {
    await using server = await startServer();
    for (const dest of ["image", "script", "iframe", "empty", "video"]) {
      for (const path of ["/sse?user_id=alice", "/ws?user_id=alice", "/v1/channels", "/"]) {
        const headers = { ...crossSite, "Sec-Fetch-Dest": dest };
        const { status } = await server.request("GET", path, undefined, headers);
        expect([dest, path, status]).toEqual([dest, path, 403]);
      }
    }
  });

  test("can link to the page and the documentation, but not to a stream", async () => {
    await using server = await startServer();
    const follow = async (path: string) => {
      const response = await server.request("GET", path, undefined, { ...crossSite, "Sec-Fetch-Dest": "document" });
      await response.body?.cancel();
      return response.status;
    };
    expect([await follow("/"), await follow("/docs"), await follow("/sse?user_id=alice")]).toEqual([200, 200, 403]);
  });

  test("of the same site, and programs, are not affected", async () => {
    await using server = await startServer();
    for (const headers of [{}, { "Sec-Fetch-Site": "same-origin" }, { "Sec-Fetch-Site": "same-site" }]) {
      expect((await server.request("GET", "/health", undefined, headers)).status).toBe(200);
    }
  });
});

/** How long browsers and proxies may keep what is public, and who may embed it. Everything else must not be stored. */
const publicFiles: readonly { readonly path: RegExp; readonly cacheControl: string; readonly embedding?: string }[] = [
  // Kept, and revalidated each time.
  { path: /^\/(admin|docs|openapi\.json|asyncapi\.json)?$/, cacheControl: "no-cache" },
  { path: /^\/(page|admin)\/[\w-]+\.(js|css|svg)$/, cacheControl: "no-cache" },
  // The SDK is for pages of other websites too.
  { path: /^\/client\.js$/, cacheControl: "public, max-age=300", embedding: "cross-origin" },
  {
    path: /^\/client\.[0-9a-f]+\.js$/,
    cacheControl: "public, max-age=31536000, immutable",
    embedding: "cross-origin",
  },
];

test("every answer of every route forbids guessing its type and embedding it, depends on the origin, and is not stored", async () => {
  await using server = await startServer({ env: { ...credentials, PAGE: "on" } });
  const api = (await (await server.request("GET", "/openapi.json")).json()) as { paths: Record<string, object> };
  const script = (await server.request("GET", "/client.js")).headers.get("Content-Location") ?? "";
  const pages = (await Promise.all(["/", "/admin"].map(async (it) => (await server.request("GET", it)).text()))).join();
  const assets = Array.from(pages.matchAll(/(?:src|href)="((?:page|admin)\/[^"]+)"/g), ([, path = ""]) => `/${path}`);
  expect(assets.length).toBeGreaterThan(2);
  const files = ["/", "/admin", ...assets, "/client.js", script];
  const paths = [...Object.keys(api.paths), ...files, "/nowhere", "/%76%31/channels", "/sse?since=wrong"];
  const user = { Authorization: `Bearer ${await tokenOf("alice")}` };
  const page = { Origin: server.url };
  const seen = new Set<string>();
  for (const path of paths.map((it) => it.replaceAll(/\{\w+\}/g, "x"))) {
    for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]) {
      // With the key, these would end the server.
      const isLast = /^\/v1\/(drain|reload|upgrade)$/.test(path);
      for (const headers of isLast ? [{}, user, page] : [{}, user, page, asBackend]) {
        const answer = await server.request(method, path, undefined, headers);
        await answer.body?.cancel();
        const read = (name: string) => answer.headers.get(name);
        const isFile = answer.ok && method !== "OPTIONS";
        const file = isFile ? publicFiles.find((it) => it.path.test(path)) : undefined;
        const cacheControl = read("Cache-Control")?.replace(", no-transform", ""); // of streams
        seen.add(`${answer.status} ${cacheControl}`);
        expect({
          asked: `${method} ${path} ${answer.status}`,
          type: read("X-Content-Type-Options"),
          embedding: read("Cross-Origin-Resource-Policy"),
          varies: read("Vary")?.split(/, */).includes("Origin"),
          cacheControl,
        }).toEqual({
          asked: `${method} ${path} ${answer.status}`,
          type: "nosniff",
          embedding: file?.embedding ?? "same-origin",
          varies: true,
          cacheControl: file?.cacheControl ?? "no-store",
        });
      }
    }
  }
  // The walk saw answers of all kinds.
  for (const kind of ["200 no-store", "204 no-store", "400 no-store", "401 no-store", "404 no-store", "405 no-store"]) {
    expect(seen).toContain(kind);
  }
  for (const { cacheControl } of publicFiles) expect(seen).toContain(`200 ${cacheControl}`);
  expect(assets.filter((it) => !publicFiles.some(({ path }) => path.test(it)))).toEqual([]);
});

test.each([
  ["/%76%31/channels", 400],
  ["/v1/%63hannels", 400],
  ["/v1%2Fchannels", 404],
  ["//v1/channels", 404],
  ["/v1//channels", 404],
  ["/\\v1\\channels", 404],
  ["/v1\\channels", 200], // as every URL parser reads it, which a proxy in front does too
  ["/V1/channels", 404],
  ["/v1/channels/", 404],
  ["/v1/channels/room%3A1/history", 200],
  ["/v1/channels/a%2Fb/history", 200],
  ["/%73se", 400],
  ["/%77s", 400],
])("a path has one spelling: %s is answered with %d", async (target, status) => {
  await using server = await startServer({ env: credentials });
  expect(await rawStatus(server, target)).toBe(status);
});

test("all files of DATA_DIR can be read by their owner only", async () => {
  const directory = mkdtempSync(join(tmpdir(), "fanfare-modes-"));
  try {
    await using server = await startServer({ env: { ...credentials, DATA_DIR: directory } });
    const publish = { channel: "room", message: "private" };
    expect((await server.request("POST", "/v1/publish", publish, asBackend)).status).toBe(200);
    const later = { publish, delay_s: 3600 };
    expect((await server.request("POST", "/v1/schedules", later, asBackend)).status).toBe(201);
    const files = readdirSync(directory);
    expect(files.length).toBeGreaterThan(1);
    for (const file of files) {
      expect([file, (statSync(join(directory, file)).mode & 0o777).toString(8)]).toEqual([file, "600"]);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.each([["bin/fanfare.js"], ["workers"]])(
  "a bunfig.toml or tsconfig.json of the working directory is not obeyed by %s",
  async (what) => {
    const directory = mkdtempSync(join(tmpdir(), "fanfare-bunfig-"));
    try {
      writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
      // Every import of the program would lead to it.
      const paths = JSON.stringify({ compilerOptions: { paths: { "*": ["./preload.ts"] } } });
      for (const name of ["tsconfig.json", "jsconfig.json"]) writeFileSync(join(directory, name), paths);
      const trace = join(directory, "trace");
      writeFileSync(
        join(directory, "preload.ts"),
        `require("node:fs").appendFileSync(${JSON.stringify(trace)}, "ran");`,
      );
      const root = join(import.meta.dir, "..", "..");
      const args = what === "workers" ? ["--workers", "1"] : [];
      const child = Bun.spawn(["node", join(root, "bin", "fanfare.js"), "start", "--port", "0", ...args], {
        cwd: directory,
        env: { PATH: process.env.PATH ?? "", NOTIFICATION_INTERVAL: "0" },
        stdout: "pipe",
        stderr: "inherit",
      });
      const reader = child.stdout.getReader();
      let output = "";
      while (!output.includes("Ctrl+C")) {
        const { value, done } = await reader.read();
        if (done) break;
        output += new TextDecoder().decode(value);
      }
      child.kill("SIGTERM");
      await child.exited;
      expect(output).toContain("Ctrl+C");
      expect(readdirSync(directory)).not.toContain("trace");
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
);

test.each(["aaaaaaaaaaaaaaaa", "abababababababababab", "0000000000000001"])(
  "the weak key %s is refused",
  async (key) => {
    await expect(startServer({ env: { ...credentials, API_KEY: key } })).rejects.toThrow("expected a random key");
  },
);

test("a weak JWT_SECRET is refused, with a way to make a good one", async () => {
  const env = { ...credentials, JWT_SECRET: "a".repeat(32) };
  await expect(startServer({ env })).rejects.toThrow(/JWT_SECRET: expected a random secret.*openssl rand/);
});
