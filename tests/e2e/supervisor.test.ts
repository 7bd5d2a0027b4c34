import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/free-port.js";
import { clearLeftovers, controlPath, findControlSocket } from "../../server/ops/control-socket.ts";
import { childEnv } from "../child-env.ts";
import { eventually, isRunning, until } from "../waiting.ts";
import { type ServerUnderTest, type StartOptions, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

const made: string[] = [];
afterAll(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-e2e-"));
  made.push(folder);
  return folder;
}

/** A server with its own directory for sockets, so that leftovers can be seen. */
async function startApart({ env = {}, flags = [] }: StartOptions = {}) {
  const folder = makeFolder();
  const server = await startServer({ flags, env: { TMPDIR: folder, ...env } });
  return {
    server,
    folder,
    left: () => readdirSync(folder),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const workers = (count: number) => ["--workers", String(count)];

async function pidsOf(server: ServerUnderTest): Promise<number[]> {
  const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
  return pids.split(", ").map(Number);
}

const untilGone = (pid: number) => until(() => !isRunning(pid), `process ${pid} has ended`);

const healthOf = async (server: ServerUnderTest) => (await (await server.request("GET", "/health")).json()) as Frame;

describe("a server that fails to start", () => {
  test.concurrent.each([
    ["alone", []],
    ["with workers", workers(2)],
  ])("because OPS_PORT is in use says so in one line, and leaves nothing behind (%s)", async (_how, flags) => {
    const busy = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const folder = makeFolder();
    const starting = startServer({ flags, env: { OPS_PORT: String(busy.port), TMPDIR: folder } });
    const { message } = await starting.then(
      () => expect.unreachable(),
      (error: Error) => error,
    );
    expect(message.split("it printed:\n")[1]?.trim()).toBe(
      `error: OPS_PORT: port ${busy.port} on 127.0.0.1 is already in use; choose another port`,
    );
    expect(readdirSync(folder)).toEqual([]);
    await busy.stop(true);
  });

  test.concurrent("because its directory is unusable, leaves nothing behind", async () => {
    const folder = makeFolder();
    const starting = startServer({ flags: workers(1), env: { DATA_DIR: "/dev/null/here", TMPDIR: folder } });
    await expect(starting).rejects.toThrow("DATA_DIR");
    expect(readdirSync(folder)).toEqual([]);
  });

  test.concurrent("with workers, because there is no directory for their sockets, says what to do", async () => {
    const starting = startServer({ flags: workers(1), env: { TMPDIR: "/dev/null/here" } });
    await expect(starting).rejects.toThrow("error: TMPDIR: cannot create a directory for the workers' sockets");
  });

  test.concurrent("because of a signal while its workers start, ends and leaves nothing behind", async () => {
    const folder = makeFolder();
    const command = ["--no-env-file", "server/main.ts", "start", "--port", "0", ...workers(2)];
    const child = Bun.spawn([process.execPath, ...command], {
      cwd: join(import.meta.dir, "..", ".."),
      env: childEnv({ TMPDIR: folder }),
      stdio: ["ignore", "pipe", "ignore"],
    });
    const isStarting = () => readdirSync(folder).some((it) => it.endsWith(".sock"));
    await until(isStarting, "the server has opened its control socket");
    child.kill("SIGTERM");
    expect(await child.exited).toBe(143);
    expect(await new Response(child.stdout).text()).toContain("Stopped while starting");
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe("the control socket", () => {
  test.concurrent("of a server on the same port at another address is left alone", async () => {
    const first = await startApart();
    await using _first = first;
    const env = { TMPDIR: first.folder };
    await using second = await startServer({
      env,
      flags: ["--host", "127.0.0.2", "--port", String(first.server.port)],
    });
    expect(second.output).toContain("used by another server, which listens on the same port");
    second.signal("SIGTERM");
    await second.exited;
    expect(first.left()).toHaveLength(1);
    first.server.signal("SIGTERM");
    await first.server.exited;
    expect(first.left()).toEqual([]);
  });

  test.concurrent("belongs to the server that has the port, while a draining one waits for its clients", async () => {
    await using old = await startApart();
    using client = await SocketUnderTest.open(old.server.wsUrl);
    old.server.signal("SIGTERM");
    await client.until(({ event }) => event === "draining");
    const flags = ["--port", String(old.server.port)];
    await using successor = await startServer({ env: { TMPDIR: old.folder }, flags });
    expect(await controlHealth(old.folder, successor)).toMatchObject({ status: "healthy", connections: 0 });
    client.close();
    expect(await old.server.exited).toBe(0);
    expect(await controlHealth(old.folder, successor)).toMatchObject({ status: "healthy" });
  });

  test.concurrent("left behind by a killed server does not matter, and the next server removes it", async () => {
    const folder = makeFolder();
    const env = { TMPDIR: folder };
    for (const flags of [[], workers(2)]) {
      await using server = await startServer({ env, flags });
      server.signal("SIGKILL");
      await server.exited;
      // The second server may have removed it already.
      expect(readdirSync(folder).length).toBeGreaterThanOrEqual(flags.length === 0 ? 1 : 2);
    }
    await using living = await startServer({ env, flags: workers(1) });
    const mine = [`fanfare-${process.getuid?.()}-${living.port}.sock`, expect.stringMatching(/^fanfare-\w{6}$/)];
    await eventually(() => expect(readdirSync(folder).toSorted()).toEqual(mine));
    await clearLeftovers(folder);
    expect(readdirSync(folder).toSorted()).toEqual(mine);
  });

  test("is not followed through a symbolic link", () => {
    const port = 9;
    const folder = makeFolder();
    const listener = Bun.listen({ unix: join(folder, "other"), socket: { data: () => undefined } });
    rmSync(controlPath(port), { force: true });
    symlinkSync(join(folder, "other"), controlPath(port));
    expect(findControlSocket(port)).toBeUndefined();
    rmSync(controlPath(port));
    listener.stop(true);
  });

  test("is skipped if another file has its name", async () => {
    const folder = makeFolder();
    const port = await (async () => {
      await using server = await startServer();
      return server.port;
    })();
    mkdirSync(join(folder, `fanfare-${process.getuid?.()}-${port}.sock`));
    await using server = await startServer({ env: { TMPDIR: folder }, flags: ["--port", String(port)] });
    expect(server.output).toContain("WARNING | Cannot open the control socket");
    expect(await healthOf(server)).toMatchObject({ status: "healthy" });
  });
});

describe("faults during shutdown", () => {
  test.concurrent("if the supervisor dies, clients are closed within seconds", async () => {
    const flags = [...workers(1), "--shutdown-timeout", "600"];
    await using server = await startServer({ flags, env: { DRAIN_WINDOW: "500ms" } });
    const [pid = 0] = await pidsOf(server);
    using client = await SocketUnderTest.open(server.wsUrl);
    server.signal("SIGTERM");
    await client.until(({ event }) => event === "draining");
    server.signal("SIGKILL");
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    await untilGone(pid);
  });

  test.concurrent("workers whose supervisor died close the port at once, so that another server can start", async () => {
    await using server = await startServer({ flags: workers(2), env: { DRAIN_DELAY: "60s", DRAIN_WINDOW: "20s" } });
    const clients = await Promise.all(Array.from({ length: 4 }, () => SocketUnderTest.open(server.wsUrl)));
    server.signal("SIGKILL");
    for (const client of clients) await client.until(({ event }) => event === "draining");
    await using next = await startServer({ flags: [...workers(1), "--port", String(server.port)] });
    expect(await healthOf(next)).toMatchObject({ status: "healthy", connections: 0 });
    for (const client of clients) client.close();
  });

  test.concurrent("a worker that dies is not replaced, and the server keeps waiting for the other clients", async () => {
    await using it = await startApart({ flags: workers(2) });
    const { server } = it;
    const clients = await Promise.all(Array.from({ length: 12 }, () => SocketUnderTest.open(server.wsUrl)));
    const [pid = 0] = await pidsOf(server);
    server.signal("SIGTERM");
    for (const client of clients) await client.until(({ event }) => event === "draining");
    process.kill(pid, "SIGKILL");
    await untilGone(pid);
    const left = clients.filter(({ closed }) => closed?.code === undefined || closed.code === 1000);
    for (const client of left) client.close();
    expect(await server.exited).toBe(0);
    expect(server.output).not.toContain("restarting it in");
    expect(server.output).toContain("Stopped: {");
    expect(it.left()).toEqual([]);
  });

  test.concurrent("a third signal ends hanging workers too, and leaves nothing behind", async () => {
    await using it = await startApart({ flags: workers(2) });
    const { server } = it;
    const pids = await pidsOf(server);
    for (const pid of pids) process.kill(pid, "SIGSTOP");
    server.signal("SIGTERM");
    await eventually(async () => expect(await controlHealth(it.folder, server)).toMatchObject({ status: "draining" }));
    server.signal("SIGTERM");
    server.signal("SIGTERM");
    expect(await server.exited).toBe(143);
    for (const pid of pids) await untilGone(pid);
    expect(it.left()).toEqual([]);
  });
});

async function controlHealth(folder: string, { port }: ServerUnderTest): Promise<unknown> {
  const unix = join(folder, `fanfare-${process.getuid?.()}-${port}.sock`);
  return (await fetch("http://localhost/health", { unix })).json();
}

describe("a process group that is killed at once", () => {
  test.concurrent("and restarted with the same DATA_DIR has everything in the same epoch", async () => {
    const env = { DATA_DIR: makeFolder() };
    const path = "/v1/channels/room/history?since=earliest&limit=100";
    const acknowledged = await (async () => {
      await using server = await startServer({ flags: workers(2), env });
      const answers: Frame[] = [];
      for (let n = 0; n < 20; n++) {
        const answer = await server.request("POST", "/v1/publish", { channel: "room", data: n });
        answers.push((await answer.json()) as Frame);
      }
      for (const pid of [...(await pidsOf(server)), server.pid]) process.kill(pid, "SIGKILL");
      await server.exited;
      return answers.at(-1);
    })();
    await using server = await startServer({ flags: workers(2), env });
    const history = (await (await server.request("GET", path)).json()) as Frame & { messages: Frame[] };
    expect([history.epoch, history.offset]).toEqual([acknowledged?.epoch, acknowledged?.offset]);
    expect(history.messages.map(({ data }) => data)).toEqual(Array.from({ length: 20 }, (_, n) => n));
  });
});

describe("workers listen on the same port", () => {
  test.concurrent.each([
    ["an IPv6 address", ["--host", "::1"]],
    ["a host name", ["--host", "localhost"]],
    ["one per core", ["--workers", "auto"]],
  ])("%s", async (_what, flags) => {
    await using server = await startServer({ flags: [...workers(2), ...flags] });
    expect(await healthOf(server)).toMatchObject({ status: "healthy" });
    using client = await SocketUnderTest.open(server.wsUrl);
    client.send("hello");
    await client.until(({ message }) => message === "hello");
  });
});

test.concurrent("a worker that recovers from a hang has its users again", async () => {
  await using server = await startServer({ flags: workers(2), env: { USER_CONNECTIONS: "reject" } });
  const clients = await Promise.all(
    Array.from({ length: 8 }, (_, n) => SocketUnderTest.open(`${server.wsUrl}?user_id=u${n}`)),
  );
  const [pid = 0] = await pidsOf(server);
  process.kill(pid, "SIGSTOP");
  const nodes = async () => {
    const unix = controlPath(server.port);
    return ((await (await fetch("http://localhost/v1/nodes", { unix })).json()) as { nodes: Frame[] }).nodes.length;
  };
  await until(async () => (await nodes()) === 2, "the stopped worker is given up");
  process.kill(pid, "SIGCONT");
  await until(async () => (await nodes()) === 3, "the worker is back");
  // A worker that returns sends its connections to the others and its claims to the supervisor in one message.
  await eventually(async () => expect(await healthOf(server)).toMatchObject({ connections: 8 }));
  for (let n = 0; n < clients.length; n++) {
    await expect(SocketUnderTest.open(`${server.wsUrl}?user_id=u${n}`)).rejects.toThrow();
  }
  expect(clients.filter(({ closed }) => closed !== undefined)).toEqual([]);
  expect(await healthOf(server)).toMatchObject({ connections: 8 });
  for (const client of clients) client.close();
});

test.concurrent("a signal drains clients that are already connected while other workers are still starting", async () => {
  const folder = makeFolder();
  const port = await freePort();
  const command = ["--no-env-file", "server/main.ts", "start", "--port", String(port), ...workers(3)];
  const child = Bun.spawn([process.execPath, ...command], {
    cwd: join(import.meta.dir, "..", ".."),
    env: childEnv({ TMPDIR: folder, SHUTDOWN_TIMEOUT: "1s", NOTIFICATION_INTERVAL: "0" }),
    stdio: ["ignore", "ignore", "ignore"],
  });
  const serves = async () => (await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined))?.status === 200;
  await until(serves, "the first worker serves");
  let client: SocketUnderTest | undefined;
  // A handshake is refused if it arrives for a worker that is still starting.
  const isConnected = async () => {
    client = await SocketUnderTest.open(`ws://127.0.0.1:${port}/ws`).catch(() => undefined);
    return client !== undefined;
  };
  await until(isConnected, "a client is connected");
  child.kill("SIGTERM");
  expect((await client?.untilClosed())?.code).toBe(1012);
  expect(client?.frames.map(({ event }) => event)).toEqual(["welcome", "draining"]);
  expect(await child.exited).toBe(0);
});

test.concurrent("a server is ready once all its workers listen, so it survives if all of them are killed then", async () => {
  const folder = makeFolder();
  const port = await freePort();
  const command = ["--no-env-file", "server/main.ts", "start", "--port", String(port), ...workers(4)];
  const child = Bun.spawn([process.execPath, ...command], {
    cwd: join(import.meta.dir, "..", ".."),
    env: childEnv({ TMPDIR: folder, SHUTDOWN_TIMEOUT: "1s", NOTIFICATION_INTERVAL: "0" }),
    stdio: ["ignore", "ignore", "ignore"],
  });
  const url = `http://127.0.0.1:${port}`;
  // A connection of its own for each request, so that any worker may answer.
  const get = (path: string) => fetch(url + path, { headers: { Connection: "close" } }).catch(() => undefined);
  const isReady = async () => (await get("/readyz"))?.status === 200;
  const workerPids = async () => {
    const answer = await get("/v1/nodes");
    const { nodes = [] } = ((await answer?.json()) ?? {}) as { nodes?: { name: string; pid: number }[] };
    return nodes.filter(({ name }) => name.startsWith("worker")).map(({ pid }) => pid);
  };
  await until(isReady, "the server is ready");
  const first = await workerPids();
  expect(first).toHaveLength(4);
  for (const pid of first) process.kill(pid, "SIGKILL");
  const isReplaced = async () => {
    const pids = (await isReady()) ? await workerPids().catch(() => []) : [];
    return pids.length === 4 && pids.every((pid) => !first.includes(pid));
  };
  await until(isReplaced, "all workers have been replaced");
  child.kill("SIGTERM");
  expect(await child.exited).toBe(0);
});
