import { afterEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { controlPath } from "../ops/control-socket.ts";
import { runFakeCli } from "./fake-cli.ts";
import { startFakeServer } from "./fake-server.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** A server that reports one of these numbers of connections at each check while it drains, and then stops. */
function startDraining(counts: readonly number[], answers: Readonly<Record<string, () => Response>> = {}) {
  const left = [...counts];
  const server = startFakeServer(({ method, path }) => {
    const answer = answers[`${method} ${path}`];
    if (answer !== undefined) return answer();
    if (method === "POST" && path === "/v1/drain") return Response.json({ status: "draining" }, { status: 202 });
    const remaining = left.shift();
    if (remaining === undefined) return Response.json({ status: "running", remaining: 0 });
    return Response.json({ status: "draining", remaining, closed: { moved: 0, forced: 0 }, deadline_s: 60 });
  });
  closers.push(() => server[Symbol.dispose]());
  return server;
}

const notThere = () => Response.json({ detail: "nothing" }, { status: 404 });
const opsPort = { "GET /v1/connections": notThere };

describe("fanfare drain", () => {
  test("sends one request", async () => {
    const server = startDraining([]);
    const seen = await runFakeCli(["drain", "--url", server.url, "--api-key", "5f3a9c1e7b2d4068"]);
    expect(seen).toEqual({ code: 0, out: `${server.url} is draining\n`, err: "" });
    expect(server.requests.map(({ method, path, key }) => [method, path, key])).toEqual([
      ["POST", "/v1/drain", "Bearer 5f3a9c1e7b2d4068"],
    ]);
  });

  test("sends the key that has the scope admin", async () => {
    const server = startDraining([]);
    const env = { API_KEY: "publish+read@5f3a9c1e7b2d4068,admin@d81b4e6f0a93c752" };
    await runFakeCli(["drain", "--url", server.url], { env });
    expect(server.requests[0]?.key).toBe("Bearer d81b4e6f0a93c752");
  });

  test("prints why the server refuses", async () => {
    const refusal = () => Response.json({ detail: "the key lacks the scope admin" }, { status: 403 });
    const server = startDraining([], { "POST /v1/drain": refusal });
    const seen = await runFakeCli(["drain", "--url", server.url]);
    expect(seen).toEqual({ code: 1, out: "", err: "error: the key lacks the scope admin (403)\n" });
  });

  test("prints one line if no server is running", async () => {
    const server = startDraining([]);
    server[Symbol.dispose]();
    const seen = await runFakeCli(["drain", "--wait", "--url", server.url]);
    expect(seen).toEqual({ code: 1, out: "", err: expect.stringContaining("error: cannot connect to") });
  });
});

describe("fanfare drain --wait", () => {
  test("that is interrupted says by its exit code that the server has not stopped", async () => {
    const server = startDraining([3, 3, 3], opsPort);
    const interrupt = new AbortController();
    const sleep = async () => interrupt.abort();
    const seen = await runFakeCli(["drain", "--wait", "--url", server.url], { sleep, interrupt: interrupt.signal });
    expect(seen).toEqual({ code: 130, out: expect.not.stringContaining("stopped"), err: "" });
  });

  test("prints the number of connections when it changes, until another server answers", async () => {
    const server = startDraining([3, 3, 1], opsPort);
    const slept: number[] = [];
    const sleep = async (ms: number) => void slept.push(ms);
    const seen = await runFakeCli(["drain", "--wait", "--url", server.url], { sleep });
    expect(seen.out.split("\n")).toEqual([
      `${server.url} is draining`,
      "3 connections left; the rest are closed in 60 s",
      "1 connection left; the rest are closed in 60 s",
      "the server has stopped, and another one has taken its place",
      "",
    ]);
    expect([seen.code, seen.err, slept]).toEqual([0, "", [1000, 1000, 1000]]);
  });

  test("ends when the port is closed", async () => {
    const server = startDraining([2, 2, 2], opsPort);
    const sleep = async () => server[Symbol.dispose]();
    const { code, out } = await runFakeCli(["drain", "--wait", "--url", server.url], { sleep });
    expect([code, out.split("\n").at(-2)]).toEqual([0, "the server has stopped"]);
  });

  test("does not start a drain that it cannot watch", async () => {
    const server = startDraining([], { "GET /v1/connections": () => Response.json({ connections: [] }) });
    const { code, err } = await runFakeCli(["drain", "--wait", "--url", server.url]);
    expect([code, err]).toEqual([1, expect.stringContaining("Pass its OPS_PORT with --url")]);
    expect(server.requests.map(({ path }) => path)).toEqual(["/v1/connections"]);
  });
});

describe("a server on this machine", () => {
  /** Opens the control socket of the server on that port. */
  function openControl(port: number, answer: (path: string) => Response) {
    const unix = controlPath(port);
    rmSync(unix, { force: true });
    const keys: (string | null)[] = [];
    const server = Bun.serve({
      unix,
      fetch: (request) => {
        keys.push(request.headers.get("Authorization"));
        return answer(new URL(request.url).pathname);
      },
    });
    closers.push(() => {
      void server.stop(true);
      rmSync(unix, { force: true });
    });
    return { keys, stop: () => void server.stop(true) };
  }

  test("is reached through its control socket, without a key", async () => {
    const server = startDraining([]);
    const { keys } = openControl(server.port ?? 0, () => Response.json({}, { status: 202 }));
    const files = { ".env": "API_KEY=admin@d81b4e6f0a93c752" };
    const seen = await runFakeCli(["drain", "--port", String(server.port)], { files });
    expect([seen.code, server.requests, keys]).toEqual([0, [], [null]]);
  });

  test("also gets the key from the environment through its control socket, and may refuse it", async () => {
    const server = startDraining([]);
    const refusal = () => Response.json({ detail: "the API key is wrong" }, { status: 401 });
    const { keys } = openControl(server.port ?? 0, refusal);
    const env = { API_KEY: "admin@d81b4e6f0a93c752" };
    const seen = await runFakeCli(["drain", "--port", String(server.port)], { env });
    expect(seen).toMatchObject({ code: 1, err: expect.stringContaining("the API key is wrong") });
    expect([server.requests, keys]).toEqual([[], ["Bearer d81b4e6f0a93c752"]]);
  });

  test("is not sent a value from the environment that is not a valid key", async () => {
    const server = startDraining([]);
    const { keys } = openControl(server.port ?? 0, () => Response.json({}, { status: 202 }));
    const seen = await runFakeCli(["drain", "--port", String(server.port)], { env: { API_KEY: "WRONG" } });
    expect(seen).toMatchObject({ code: 2, err: expect.stringContaining("API_KEY") });
    expect([server.requests, keys]).toEqual([[], []]);
  });

  test("is also watched through its control socket", async () => {
    const server = startDraining([]);
    const answers = [Response.json({}, { status: 202 }), Response.json({ status: "draining", remaining: 5 })];
    openControl(server.port ?? 0, () => answers.shift() ?? Response.json({ status: "running" }));
    const { code, out } = await runFakeCli(["drain", "--wait", "--port", String(server.port)]);
    expect([code, out.split("\n").slice(1)]).toEqual([
      0,
      ["5 connections left", "the server has stopped, and another one has taken its place", ""],
    ]);
  });

  test("is reached over HTTP if a killed server left its socket behind", async () => {
    const server = startDraining([]);
    const unix = controlPath(server.port ?? 0);
    const code = `Bun.serve({ unix: ${JSON.stringify(unix)}, fetch: () => new Response() }); process.kill(process.pid, "SIGKILL")`;
    Bun.spawnSync([process.execPath, "-e", code]);
    closers.push(() => rmSync(unix, { force: true }));
    expect(await runFakeCli(["drain", "--port", String(server.port)])).toMatchObject({ code: 0, err: "" });
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    ["its URL", (port: number) => ["--url", `http://127.0.0.1:${port}`]],
    ["its host", (port: number) => ["--host", "127.0.0.1", "--port", String(port)]],
    ["a key", (port: number) => ["--port", String(port), "--api-key", "0123456789-wrong"]],
  ])("is reached over HTTP if the user passes %s", async (_, flags) => {
    const refusal = () => Response.json({ detail: "no such key" }, { status: 401 });
    const server = startDraining([], { "POST /v1/drain": refusal });
    const { keys } = openControl(server.port ?? 0, () => Response.json({}, { status: 202 }));
    expect(await runFakeCli(["drain", ...flags(server.port ?? 0)])).toMatchObject({ code: 1, out: "" });
    expect([server.requests.length, keys]).toEqual([1, []]);
  });

  test("is not assumed behind a URL with a path, which means a proxy", async () => {
    const server = startDraining([]);
    openControl(server.port ?? 0, () => Response.json({}, { status: 500 }));
    const seen = await runFakeCli(["drain", "--url", `${server.url}/fanfare`]);
    expect(seen).toMatchObject({ code: 1 });
    expect(server.requests.map(({ path }) => path)).toEqual(["/fanfare/v1/drain"]);
  });
});
