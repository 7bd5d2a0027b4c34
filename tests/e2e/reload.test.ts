import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../client/client.ts";
import { controlPath } from "../../server/ops/control-socket.ts";
import { eventually, until } from "../waiting.ts";
import { runProgram } from "./program.ts";
import { ProgramCopy } from "./program-copy.ts";
import { type ServerUnderTest, type StartOptions, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";
import { StreamUnderTest } from "./stream.ts";

/** A folder with a settings file that a test can change. */
function makeSettings(yaml: string) {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-reload-"));
  const write = (text: string) => writeFileSync(join(folder, "fanfare.config.yaml"), text);
  write(yaml);
  return { folder, write, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

const startWorkers = (count: number, { env = {}, ...options }: StartOptions = {}) =>
  startServer({ flags: ["--workers", String(count)], env: { DRAIN_WINDOW: "1s", ...env }, ...options });

const reload = ({ port }: ServerUnderTest, ...more: string[]) =>
  runProgram(["reload", "--port", String(port), ...more]);

/** The workers that serve now, without the supervisor. */
async function workersOf(server: ServerUnderTest): Promise<readonly Frame[]> {
  const { nodes } = (await (await server.request("GET", "/v1/nodes")).json()) as { nodes: Frame[] };
  return nodes.filter(({ name }) => String(name).startsWith("worker"));
}

const metricOf = async (server: ServerUnderTest, name: string) =>
  Number(((await (await server.request("GET", "/metrics")).json()) as Frame)[name]);

describe("fanfare reload", () => {
  test.concurrent("replaces all workers, applies the settings on disk, and moves every kind of client without a gap", async () => {
    using settings = makeSettings("chat: on\n");
    await using server = await startWorkers(2, { cwd: settings.folder });
    const before = (await workersOf(server)).map(({ pid }) => pid);
    const sdk = createClient(server.url, { transports: ["websocket"] });
    const received: unknown[] = [];
    sdk.channel<number>("room").on("message", ({ data }) => received.push(data));
    sdk.connect();
    await until(() => sdk.state.status === "connected", "the SDK is connected");
    using plain = await SocketUnderTest.open(`${server.wsUrl}?channel=room`);
    using stream = await StreamUnderTest.open(`${server.url}/sse?channel=room`);
    const publish = async (data: number) => {
      const answer = await server.request("POST", "/v1/publish", { channel: "room", data, id: `m${data}` });
      expect(answer.status).toBe(200);
    };
    await publish(1);
    settings.write("chat: off\n");
    const { code, out, err } = await reload(server);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toContain("starting 2 new worker(s)");
    expect(out.trim().split("\n").at(-1)).toBe("3 client(s) moved");
    await publish(2);

    expect(await plain.untilClosed()).toMatchObject({ code: 1012 });
    await stream.untilEnded();
    expect(Number(stream.blocks.at(-1)?.retry)).toBeWithin(20, 101);
    using resumed = await StreamUnderTest.open(`${server.url}/sse?channel=room`, {
      "Last-Event-ID": stream.lastEventId,
    });
    await resumed.until(({ data }) => data === 2);
    await until(() => received.length === 2, "the SDK has both messages");
    expect(received).toEqual([1, 2]);
    expect(sdk.state.status).toBe("connected");

    const after = (await workersOf(server)).map(({ pid }) => pid);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    expect(after).toHaveLength(2);
    using talker = await SocketUnderTest.open(server.wsUrl);
    talker.send({ type: "message", message: "Hi" });
    expect(await talker.until(({ type }) => type === "error")).toMatchObject({ code: "unauthorized" });
    sdk.close();
  });

  test.concurrent("replaces the API keys everywhere: an old one is refused on the control socket too", async () => {
    const [old, current] = ["5f3a9c1e7b2d4068", "d81b4e6f0a93c752"];
    using settings = makeSettings(`api_key: ${old}\n`);
    await using server = await startWorkers(1, { cwd: settings.folder, env: { ANONYMOUS: "on" } });
    const statusOf = async (key: string, unix?: string) => {
      const url = unix === undefined ? server.url : "http://localhost";
      const headers = { "X-API-Key": key };
      return (await fetch(`${url}/v1/nodes`, { headers, ...(unix === undefined ? {} : { unix }) })).status;
    };
    const statuses = () =>
      Promise.all(
        [old, current].flatMap((key) => [undefined, controlPath(server.port)].map((unix) => statusOf(key, unix))),
      );
    expect(await statuses()).toEqual([200, 200, 401, 401]);
    settings.write(`api_key: ${current}\n`);
    expect(await reload(server)).toMatchObject({ code: 0 });
    expect(await statuses()).toEqual([401, 401, 200, 200]);
  });

  test.concurrent("keeps the sums of the metrics of workers that were replaced", async () => {
    await using server = await startWorkers(2);
    using client = await SocketUnderTest.open(`${server.wsUrl}?channel=room`);
    await server.request("POST", "/v1/publish", { channel: "room", data: 1 });
    await client.untilMessages(1);
    await eventually(async () => expect(await metricOf(server, "deliveries_total")).toBe(1));
    await reload(server);
    const names = ["publications_total", "deliveries_total", "drain_moved_total", "rolls_total", "rolls_failed_total"];
    expect(await Promise.all(names.map((name) => metricOf(server, name)))).toEqual([1, 1, 1, 1, 0]);
  });

  test.concurrent("refuses invalid settings and those that need a restart, by name, and changes nothing", async () => {
    using settings = makeSettings("history_size: 10\n");
    await using server = await startWorkers(1, { cwd: settings.folder });
    const before = await workersOf(server);
    settings.write("history_size: lots\n");
    expect(await reload(server)).toMatchObject({ code: 1, err: expect.stringContaining("history_size in") });
    settings.write("data_dir: elsewhere\nredis_prefix: other\n");
    expect(await reload(server)).toMatchObject({
      code: 1,
      err: expect.stringContaining("DATA_DIR, REDIS_PREFIX: a reload cannot change this"),
    });
    expect((await workersOf(server)).map(({ pid }) => pid)).toEqual(before.map(({ pid }) => pid));
    const { roll } = (await (await server.request("GET", "/v1/drain")).json()) as { roll: Frame };
    expect(roll).toMatchObject({ number: 2, phase: "failed" });
    expect(await metricOf(server, "rolls_failed_total")).toBe(2);
  });

  test.concurrent.each([
    ["in memory", ""],
    ["in a file", "data_dir: data\n"],
  ])("with a smaller HISTORY_SIZE shortens what is stored already %s", async (_, storage) => {
    using settings = makeSettings(`${storage}history_size: 10\n`);
    await using server = await startWorkers(2, { cwd: settings.folder });
    for (let data = 1; data <= 5; data++) await server.request("POST", "/v1/publish", { channel: "room", data });
    settings.write(`${storage}history_size: 2\n`);
    expect(await reload(server)).toMatchObject({ code: 0 });
    await eventually(async () => {
      const answer = await server.request("GET", "/v1/channels/room/history?since=earliest");
      const { messages } = (await answer.json()) as { readonly messages: readonly Frame[] };
      expect(messages.map(({ data }) => data)).toEqual([4, 5]);
    });
  });

  test.concurrent("runs the program that is on disk, and stops if that does not start", async () => {
    using copy = new ProgramCopy();
    await using server = await startWorkers(2, { main: copy.main });
    using client = await SocketUnderTest.open(server.wsUrl);
    copy.write("server/worker/hosted.ts", "throw new Error('not this one')");
    const { code, err } = await reload(server);
    expect([code, err]).toEqual([1, expect.stringContaining("the reload failed: worker 2.")]);
    expect(err).toContain("the old workers keep serving");
    copy.write("server/worker/hosted.ts", `process.send({ verb: "hello", version: 0 });\nsetInterval(() => {}, 1000);`);
    expect((await reload(server)).err).toContain("uses version 0 of the messages between supervisor and workers");
    client.send("still here");
    await client.until(({ message }) => message === "still here");
    copy.restore("server/worker/hosted.ts");
    expect(await reload(server)).toMatchObject({ code: 0 });
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
  });

  test.concurrent("of a server without workers fails with the way out", async () => {
    await using server = await startServer();
    expect(await reload(server)).toMatchObject({ code: 1, err: expect.stringContaining("start it with WORKERS=1") });
  });

  test.concurrent("over HTTP through a worker needs a key with the scope admin", async () => {
    const [reader, admin] = ["read@5f3a9c1e7b2d4068", "admin+read@d81b4e6f0a93c752"];
    await using server = await startWorkers(1, { env: { API_KEY: `${reader},${admin}`, ANONYMOUS: "on" } });
    const refused = await runProgram(["reload", "--url", server.url, "--api-key", reader]);
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("scope admin") });
    expect(await runProgram(["reload", "--url", server.url, "--api-key", admin])).toMatchObject({ code: 0 });
  });
});

test.concurrent("SIGHUP reloads a server with workers that has no terminal", async () => {
  await using server = await startWorkers(1);
  using client = await SocketUnderTest.open(server.wsUrl);
  server.signal("SIGHUP");
  expect(await client.untilClosed()).toMatchObject({ code: 1012 });
  await server.untilLogged(/Reload 1 is done: 1 client\(s\) moved/);
  expect(server.output).not.toContain("Shutting down");
  expect((await server.request("GET", "/readyz")).status).toBe(200);
});

test.concurrent("a server that is reloading stays ready, and stops with both generations on SIGTERM", async () => {
  await using server = await startWorkers(2, { env: { DRAIN_WINDOW: "60s", SHUTDOWN_TIMEOUT: "60s" } });
  using old = await SocketUnderTest.open(server.wsUrl);
  expect(await reload(server, "--no-wait")).toMatchObject({ code: 0 });
  await old.until(({ event }) => event === "draining");
  expect((await server.request("GET", "/readyz")).status).toBe(200);
  expect(await (await server.request("GET", "/v1/drain")).json()).toMatchObject({
    status: "running",
    remaining: 1,
    roll: { number: 1, phase: "moving" },
  });
  using current = await SocketUnderTest.open(server.wsUrl);
  server.signal("SIGTERM");
  await current.until(({ event }) => event === "draining");
  expect(old.closed).toBeUndefined();
  server.signal("SIGTERM");
  expect([await old.untilClosed(), await current.untilClosed()]).toMatchObject([{ code: 1012 }, { code: 1012 }]);
  expect(await server.exited).toBe(143);
  await server.untilLogged(/Stopped: \{"initial":2,"left":0,"moved":0,"forced":2/);
});
