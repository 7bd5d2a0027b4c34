import { describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { until } from "../../tests/waiting.ts";
import { controlPath } from "../ops/control-socket.ts";
import { runFakeCli } from "./fake-cli.ts";
import { startFakeServer } from "./fake-server.ts";

const metrics = {
  service: "fanfare",
  status: "healthy",
  uptime_s: 3720,
  active_connections: 3,
  channels: 2,
  slow_connections: 0,
  memory_bytes: 56 * 1024 ** 2,
  publications_total: 10,
  deliveries_total: 20,
  pumped_total: 0,
};
const nodes = {
  nodes: [
    { id: "s", name: "supervisor", status: "healthy", uptime_s: 3720, memory_bytes: 50 * 1024 ** 2 },
    { ...metrics, id: "w1", name: "worker 1", active_connections: 1 },
    { ...metrics, id: "w2", name: "worker 2", active_connections: 2, status: "draining" },
  ],
};
const connections = { connections: [{ id: "c1", user_id: "u1" }, { id: "c2", user_id: "u1" }, { id: "c3" }] };

function startReporting(answers: Readonly<Record<string, unknown>> = {}) {
  return startFakeServer(({ path }) => {
    const answer = { "/metrics": metrics, "/v1/connections": connections, ...answers }[path];
    return answer === undefined ? Response.json({ detail: "nothing there" }, { status: 404 }) : Response.json(answer);
  });
}

describe("fanfare status", () => {
  test.each([
    [{ number: 3, phase: "moving", message: "moving the clients" }, "roll 3: moving the clients; 7 left"],
    [{ number: 3, phase: "failed", message: "PORT: no" }, "roll 3 failed: PORT: no"],
    [{ number: 3, phase: "done", message: "7 client(s) moved" }, ""],
  ])("reports a roll that is in progress or has failed: %o", async (roll, line) => {
    using server = startReporting({ "/v1/drain": { status: "running", remaining: 7, roll } });
    const { out } = await runFakeCli(["status", "--url", server.url]);
    expect(out.trimEnd().split("\n").at(-1)?.startsWith("roll") ? out.trimEnd().split("\n").at(-1) : "").toBe(line);
  });

  test("prints a table", async () => {
    using server = startReporting();
    const { code, out, err } = await runFakeCli(["status", "--url", server.url]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.split("\n")).toEqual([
      `Fanfare at ${server.url}`,
      "",
      "state    connections  channels  messages/s  deliveries/s  memory  uptime",
      "healthy   3 (1 user)         2           0             0  56 MiB   1h 2m",
      "",
    ]);
  });

  test("prints a line for each of several processes", async () => {
    using server = startReporting({ "/v1/nodes": nodes });
    const { out } = await runFakeCli(["status", "--url", server.url]);
    expect(out.split("\n").slice(2)).toEqual([
      "            state     connections  channels  messages/s  deliveries/s  memory  uptime",
      "all         healthy    3 (1 user)         2           0             0  56 MiB   1h 2m",
      "supervisor  healthy             -         -           -             -  50 MiB   1h 2m",
      "worker 1    healthy             1         2           0             0  56 MiB   1h 2m",
      "worker 2    draining            2         2           0             0  56 MiB   1h 2m",
      "",
    ]);
  });

  test("prints one JSON object with --json", async () => {
    const full = {
      "/v1/connections": { connections: [], next_page: "1" },
      "/v1/nodes": { nodes: nodes.nodes.slice(0, 1) },
    };
    using server = startReporting({ "/metrics": { ...metrics, slow_connections: 1 }, ...full });
    const { out } = await runFakeCli(["status", "--json", "--url", server.url]);
    expect(JSON.parse(out)).toEqual({
      url: server.url,
      name: "all",
      state: "healthy",
      connections: 3,
      users: null,
      slow_connections: 1,
      channels: 2,
      messages_per_s: 0,
      deliveries_per_s: 0,
      memory_bytes: 56 * 1024 ** 2,
      uptime_s: 3720,
      processes: [expect.objectContaining({ name: "supervisor", connections: null, messages_per_s: null })],
    });
  });

  test("measures over a second", async () => {
    using server = startReporting();
    const slept: number[] = [];
    await runFakeCli(["status", "--url", server.url], { sleep: async (ms) => void slept.push(ms) });
    expect(slept).toEqual([1000]);
    const paths = ["/metrics", "/v1/connections", "/v1/drain", "/v1/nodes"];
    expect(server.requests.map(({ path }) => path).toSorted()).toEqual(paths.flatMap((path) => [path, path]));
  });

  test("measures each second from the one before with --watch", async () => {
    let published = 0;
    using server = startFakeServer(({ path }) => {
      if (path === "/v1/connections") return Response.json(connections);
      if (path !== "/metrics") return Response.json({ detail: "nothing there" }, { status: 404 });
      published = Math.min(published + 10, 20);
      return Response.json({ ...metrics, publications_total: published });
    });
    const interrupt = new AbortController();
    let seconds = 0;
    const sleep = async () => {
      const from = performance.now();
      await until(() => performance.now() > from + 1, "time passes, which a rate needs");
      if (++seconds > 3) interrupt.abort();
    };
    const args = ["status", "--watch", "--json", "--url", server.url];
    const { out } = await runFakeCli(args, { sleep, interrupt: interrupt.signal });
    const rates = out
      .trimEnd()
      .split("\n")
      .map((line) => Number(JSON.parse(line).messages_per_s) > 0);
    expect(rates).toEqual([true, false, false]);
  });

  test("reports slow connections below the table", async () => {
    using server = startReporting({ "/metrics": { ...metrics, slow_connections: 2 } });
    const { out } = await runFakeCli(["status", "--url", server.url]);
    expect(out).toEndWith("\n\n2 slow connections: the client reads more slowly than the server sends\n");
  });

  test("sends the key that has the scope read, and says if one is missing", async () => {
    using server = startFakeServer(({ key }) => {
      if (key !== "Bearer d81b4e6f0a93c752") return Response.json({ detail: "no" }, { status: 401 });
      return Response.json(metrics);
    });
    const args = ["status", "--url", server.url];
    const env = { API_KEY: "publish@5f3a9c1e7b2d4068,read@d81b4e6f0a93c752" };
    expect(await runFakeCli(args, { env })).toMatchObject({ code: 0, err: "" });
    const without = await runFakeCli(args);
    expect(without).toEqual({
      code: 1,
      out: "",
      err: "error: the server requires an API key (401): set API_KEY (environment, .env or settings file), or pass --api-key\n",
    });
  });

  test("reaches a server on this machine through its control socket, without a key", async () => {
    using server = startFakeServer(() => Response.json({ detail: "no" }, { status: 401 }));
    const unix = controlPath(server.port ?? 0);
    rmSync(unix, { force: true });
    const answers: Readonly<Record<string, unknown>> = { "/metrics": metrics, "/v1/nodes": nodes, "/v1/drain": {} };
    const control = Bun.serve({ unix, fetch: ({ url }) => Response.json(answers[new URL(url).pathname]) });
    const seen = await runFakeCli(["status", "--json", "--port", String(server.port)]);
    await control.stop(true);
    rmSync(unix, { force: true });
    expect([seen.code, seen.err]).toEqual([0, ""]);
    expect(JSON.parse(seen.out)).toMatchObject({ connections: 3, users: null, processes: [{}, {}, {}] });
    expect(new Set(server.requests.map(({ path }) => path))).toEqual(new Set(["/v1/connections"]));
  });

  test.each([
    ["--url", (port: number) => ["--url", `https://127.0.0.1:${port}`], /does not speak TLS/],
    ["--host", (port: number) => ["--host", "localhost", "--port", String(port)], /401/],
    ["--api-key", (port: number) => ["--port", String(port), "--api-key", "0123456789-wrong"], /401/],
  ])("uses HTTP instead of the control socket with %s", async (_, flags, error) => {
    using server = startFakeServer(() => Response.json({ detail: "no" }, { status: 401 }));
    const unix = controlPath(server.port ?? 0);
    rmSync(unix, { force: true });
    const control = Bun.serve({ unix, fetch: () => Response.json(metrics) });
    const seen = await runFakeCli(["status", ...flags(server.port ?? 0)]);
    await control.stop(true);
    rmSync(unix, { force: true });
    expect(seen).toEqual({ code: 1, out: "", err: expect.stringMatching(error) });
  });

  test.each([[[]], [["--watch"]], [["--json"]]])("prints one line if no server is running: %j", async (flags) => {
    const { url, port, [Symbol.dispose]: stop } = startReporting();
    stop();
    expect(await runFakeCli(["status", "--url", url, ...flags])).toEqual({
      code: 1,
      out: "",
      err: `error: cannot connect to ${url}: nothing is listening there; start a server with \`fanfare start --port ${port}\`, or check the address\n`,
    });
  });
});
