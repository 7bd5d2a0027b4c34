import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/free-port.js";
import { controlPath } from "../../server/ops/control-socket.ts";
import { childEnv } from "../child-env.ts";
import { eventually } from "../waiting.ts";
import { runProgram } from "./program.ts";
import { startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

/** One endpoint for operations: how to send it requests, and who may. */
async function startWithOps(env: Record<string, string> = {}) {
  const port = await freePort();
  const server = await startServer({ env: { OPS_PORT: String(port), ...env } });
  const ask = (method: string, path: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
  const control = (method: string, path: string) =>
    fetch(`http://localhost${path}`, { method, unix: controlPath(server.port) });
  return { server, opsPort: port, ask, control, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const statuses = async (ask: (method: string, path: string) => Promise<Response>) =>
  Promise.all(["/health", "/livez", "/readyz", "/metrics"].map(async (path) => (await ask("GET", path)).status));

describe("OPS_PORT and the control socket", () => {
  test("answer while the server waits for its clients, and close with it", async () => {
    await using it = await startWithOps();
    using client = await SocketUnderTest.open(it.server.wsUrl);
    for (const ask of [it.ask, it.control]) expect(await statuses(ask)).toEqual([200, 200, 200, 200]);
    it.server.signal("SIGTERM");
    await client.until(({ event }) => event === "draining");
    await expect(it.server.request("GET", "/livez")).rejects.toThrow();
    for (const ask of [it.ask, it.control]) {
      await eventually(async () => expect(await statuses(ask)).toEqual([200, 200, 503, 200]));
      expect(await (await ask("GET", "/health")).json()).toMatchObject({ status: "draining", connections: 1 });
      expect(await (await ask("GET", "/metrics")).json()).toMatchObject({ draining: 1, active_connections: 1 });
    }
    client.close();
    expect(await it.server.exited).toBe(0);
    await expect(it.ask("GET", "/livez")).rejects.toThrow();
    expect(existsSync(controlPath(it.server.port))).toBe(false);
  });

  test("only the server's user can open the socket", async () => {
    await using it = await startWithOps();
    expect(statSync(controlPath(it.server.port)).mode & 0o777).toBe(0o600);
  });

  test("OPS_PORT requires keys; the socket relies on file permissions", async () => {
    await using it = await startWithOps({ API_KEY: "read@read-key-0123456789ab", ANONYMOUS: "on" });
    const key = { "X-API-Key": "read-key-0123456789ab" };
    expect((await it.ask("GET", "/metrics")).status).toBe(401);
    expect((await it.ask("POST", "/v1/drain", key)).status).toBe(403);
    expect((await it.ask("GET", "/metrics", key)).status).toBe(200);
    expect(await (await it.ask("GET", "/health")).json()).toEqual({ status: "healthy" });
    expect(await (await it.control("GET", "/health")).json()).toMatchObject({ connections: 0 });
    expect((await it.control("POST", "/v1/drain")).status).toBe(202);
    expect(await it.server.exited).toBe(0);
  });

  test("no website can use them: OPS_PORT of an open server checks Origin and Host", async () => {
    await using it = await startWithOps();
    const foreign = { Origin: "https://evil.example", "Content-Type": "text/plain" };
    expect((await it.ask("POST", "/v1/drain", foreign)).status).toBe(403);
    expect((await it.ask("GET", "/metrics", { Host: "evil.example" })).status).toBe(403);
    expect((await it.ask("GET", "/metrics", { Origin: "http://localhost:3000" })).status).toBe(200);
    expect((await it.ask("GET", "/readyz")).status).toBe(200);
  });

  test("serve no other paths", async () => {
    await using it = await startWithOps();
    for (const ask of [it.ask, it.control]) {
      expect((await ask("GET", "/v1/connections")).status).toBe(404);
      expect((await ask("POST", "/v1/publish")).status).toBe(404);
      const wrong = await ask("POST", "/health");
      expect([wrong.status, wrong.headers.get("Allow")]).toEqual([405, "GET"]);
    }
  });
});

describe("POST /v1/drain", () => {
  test("counts as the first signal: the first real signal changes nothing, the second closes all", async () => {
    await using server = await startServer();
    using client = await SocketUnderTest.open(server.wsUrl);
    const answer = await server.request("POST", "/v1/drain");
    expect([answer.status, await answer.json()]).toEqual([202, { status: "draining" }]);
    await client.until(({ event }) => event === "draining");
    server.signal("SIGTERM");
    client.send("still here");
    await client.until(({ message }) => message === "still here");
    expect(client.frames.filter(({ event }) => event === "draining")).toHaveLength(1);
    server.signal("SIGTERM");
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await server.exited).toBe(143);
  });

  test("ends the process when no client is left", async () => {
    await using server = await startServer();
    using client = await SocketUnderTest.open(server.wsUrl);
    await server.request("POST", "/v1/drain");
    await client.until(({ event }) => event === "draining");
    client.close();
    expect(await server.exited).toBe(0);
    expect(server.output).toContain('"initial":1,"left":1');
  });
});

describe("a server with workers", () => {
  const workers = { WORKERS: "2" };

  test("answers through its supervisor's OPS_PORT and socket, for all workers and until the end", async () => {
    await using it = await startWithOps(workers);
    const clients = await Promise.all(Array.from({ length: 8 }, () => SocketUnderTest.open(it.server.wsUrl)));
    for (const ask of [it.ask, it.control]) {
      expect(await statuses(ask)).toEqual([200, 200, 200, 200]);
      // Workers report their connections to the supervisor a little later.
      await eventually(async () =>
        expect(await (await ask("GET", "/metrics")).json()).toMatchObject({ active_connections: 8, draining: 0 }),
      );
    }
    expect((await it.ask("POST", "/v1/drain")).status).toBe(202);
    for (const client of clients) await client.until(({ event }) => event === "draining");
    await expect(it.server.request("GET", "/livez")).rejects.toThrow();
    for (const ask of [it.ask, it.control]) {
      await eventually(async () => expect(await statuses(ask)).toEqual([200, 200, 503, 200]));
      await eventually(async () => {
        expect(await (await ask("GET", "/health")).json()).toMatchObject({ status: "draining", connections: 8 });
        expect(await (await ask("GET", "/metrics")).json()).toMatchObject({ active_connections: 8, draining: 2 });
      });
    }
    for (const client of clients) client.close();
    expect(await it.server.exited).toBe(0);
    await expect(it.ask("GET", "/livez")).rejects.toThrow();
    expect(existsSync(controlPath(it.server.port))).toBe(false);
  });

  test("drains as a whole, whichever worker gets the request; a signal after that counts as the first", async () => {
    await using server = await startServer({ env: workers });
    const clients = await Promise.all(Array.from({ length: 8 }, () => SocketUnderTest.open(server.wsUrl)));
    expect((await server.request("POST", "/v1/drain")).status).toBe(202);
    for (const client of clients) await client.until(({ event }) => event === "draining");
    server.signal("SIGTERM");
    for (const client of clients) {
      client.send("still here");
      await client.until(({ message }) => message === "still here");
    }
    server.signal("SIGTERM");
    for (const client of clients) expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await server.exited).toBe(143);
  });

  test("is not ready before its workers are, or while there is none", async () => {
    await using it = await startWithOps({ WORKERS: "1" });
    const pids = it.server.output.match(/workers share port \d+: (\d+)/) ?? [];
    expect((await it.control("GET", "/readyz")).status).toBe(200);
    process.kill(Number(pids[1]), "SIGKILL");
    await eventually(async () => expect((await it.control("GET", "/readyz")).status).toBe(503));
    expect((await it.control("GET", "/livez")).status).toBe(200);
    await eventually(async () => expect((await it.control("GET", "/readyz")).status).toBe(200));
  });

  test("lists each process with its own metrics", async () => {
    await using server = await startServer({ env: workers });
    const clients = await Promise.all(Array.from({ length: 8 }, () => SocketUnderTest.open(server.wsUrl)));
    const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
    const { nodes } = (await (await server.request("GET", "/v1/nodes")).json()) as { nodes: Frame[] };
    expect(nodes.map(({ name, pid, status }) => [name, pid, status])).toEqual([
      ["supervisor", server.pid, "healthy"],
      ...pids.split(", ").map((pid, index) => [`worker ${index + 1}`, Number(pid), "healthy"]),
    ]);
    const [supervisor, ...others] = nodes;
    expect(supervisor).not.toHaveProperty("active_connections");
    expect(others.reduce((sum, it) => sum + Number(it.active_connections), 0)).toBe(8);
    for (const node of nodes) expect(Number(node.memory_bytes)).toBeGreaterThan(1e6);
    for (const client of clients) client.close();
  });
});

test("GET /v1/nodes of a server without workers lists its one process", async () => {
  await using server = await startServer();
  using _client = await SocketUnderTest.open(server.wsUrl);
  const { nodes } = (await (await server.request("GET", "/v1/nodes")).json()) as { nodes: Frame[] };
  expect(nodes).toEqual([
    expect.objectContaining({ name: "server", pid: server.pid, status: "healthy", active_connections: 1 }),
  ]);
});

test("load balancers can use HEAD", async () => {
  await using it = await startWithOps();
  const [healthy, there] = await Promise.all(["/health", "/readyz"].map((path) => it.ask("HEAD", path)));
  expect([healthy?.status, there?.status, await healthy?.text()]).toEqual([200, 200, ""]);
  expect((await it.ask("HEAD", "/v1/drain")).status).toBe(200);
});

describe("fanfare drain", () => {
  const run = (...args: string[]) => {
    const command = [
      process.execPath,
      "--no-env-file",
      join(import.meta.dir, "../../server/main.ts"),
      "drain",
      ...args,
    ];
    return Bun.spawn(command, {
      cwd: import.meta.dir,
      env: childEnv(),
      stdout: "pipe",
      stderr: "pipe",
    });
  };

  test("--wait follows a secured server on this machine to its end, without a key", async () => {
    await using server = await startServer({ env: { WORKERS: "2", API_KEY: "a-key-5f3a9c1e7b2d", ANONYMOUS: "on" } });
    const clients = await Promise.all(Array.from({ length: 3 }, () => SocketUnderTest.open(server.wsUrl)));
    const draining = run("--wait", "--port", String(server.port));
    for (const client of clients) await client.until(({ event }) => event === "draining");
    for (const client of clients) client.close();
    expect(await draining.exited).toBe(0);
    const out = await new Response(draining.stdout).text();
    expect(out).toStartWith(`${server.url} is draining\n`);
    expect(out).toEndWith("the server has stopped\n");
    expect(await server.exited).toBe(0);
  });

  test("over HTTP needs the key, and OPS_PORT for --wait", async () => {
    await using it = await startWithOps({ API_KEY: "admin+read@a-key-5f3a9c1e7b2d", ANONYMOUS: "on" });
    using client = await SocketUnderTest.open(it.server.wsUrl);
    const elsewhere = it.server.url.replace("127.0.0.1", "127.0.0.2").replace(/:\d+$/, "");
    expect(await run("--url", elsewhere).exited).toBe(1);
    const ops = ["--url", `http://127.0.0.1:${it.opsPort}`];
    expect(await run("--wait", ...ops).exited).toBe(1);
    const draining = run("--wait", ...ops, "--api-key", "a-key-5f3a9c1e7b2d");
    await client.until(({ event }) => event === "draining");
    client.close();
    expect(await draining.exited).toBe(0);
  });
});

describe("under a TMPDIR", () => {
  const makeTmpdir = (name: string) => {
    const folder = mkdtempSync(join(tmpdir(), "fanfare-e2e-"));
    const path = join(folder, name);
    mkdirSync(path);
    return { folder, path, [Symbol.dispose]: () => rmSync(folder, { recursive: true }) };
  };

  test.each([
    ["with a space in its path", "two words"],
    ["too long for sockets", "long".repeat(40)],
  ])("%s workers start, and `fanfare status` finds the control socket", async (_, name) => {
    using place = makeTmpdir(name);
    const env = { TMPDIR: place.path };
    const secured = { API_KEY: "a-key-5f3a9c1e7b2d", ANONYMOUS: "on" };
    await using server = await startServer({ env: { ...env, ...secured, WORKERS: "2" } });
    expect(server.output).not.toContain("Cannot open the control socket");
    for (const TMPDIR of name.includes(" ") ? [place.path] : [place.path, "/tmp"]) {
      const args = ["status", "--json", "--port", String(server.port)];
      // Without a key only the control socket answers.
      const { code, out } = await runProgram(args, { env: { TMPDIR } });
      expect([code, JSON.parse(out)]).toMatchObject([0, { url: server.url, state: "healthy", connections: 0 }]);
    }
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect([readdirSync(place.path), existsSync(controlPath(server.port, "/tmp"))]).toEqual([[], false]);
  });
});
