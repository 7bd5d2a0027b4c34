import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { isRunning, until } from "../waiting.ts";
import { runProgram } from "./program.ts";
import { ProgramCopy } from "./program-copy.ts";
import { type ServerUnderTest, type StartOptions, startServer } from "./server.ts";
import { type Frame, SocketUnderTest } from "./socket.ts";

const startWorkers = (count: number, { env = {}, ...options }: StartOptions = {}) =>
  startServer({ flags: ["--workers", String(count)], env: { DRAIN_WINDOW: "1s", ...env }, ...options });

const upgrade = ({ port }: ServerUnderTest, env: Record<string, string> = {}) =>
  runProgram(["upgrade", "--port", String(port)], { env });

const reloadOf = ({ port }: ServerUnderTest) => runProgram(["reload", "--port", String(port)]);

async function publish(server: ServerUnderTest, data: number): Promise<Frame> {
  const body = { channel: "room", data, id: `m${data}` };
  return (await (await server.request("POST", "/v1/publish", body, { Connection: "close" })).json()) as Frame;
}

async function historyOf(server: ServerUnderTest): Promise<readonly unknown[]> {
  const answer = await server.request("GET", "/v1/channels/room/history?since=earliest", undefined, {
    Connection: "close",
  });
  return ((await answer.json()) as { messages: Frame[] }).messages.map(({ data }) => data);
}

function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-upgrade-"));
  return { folder, [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }) };
}

describe("fanfare upgrade", () => {
  test.concurrent("runs the program now on disk in the same process, with the history in memory, again and again", async () => {
    using copy = new ProgramCopy();
    using place = makeFolder();
    const env = { TMPDIR: place.folder };
    await using server = await startWorkers(2, { main: copy.main, env });
    using client = await SocketUnderTest.open(`${server.wsUrl}?channel=room`);
    const { epoch } = await publish(server, 1);
    const later = {
      id: "later",
      at: new Date(Date.now() + 3_600_000).toISOString(),
      publish: { channel: "room", data: 9 },
    };
    expect((await server.request("POST", "/v1/schedules", later)).status).toBe(201);
    copy.write("server/supervisor/worker-count.ts", "export const workerCount = () => 1;");
    const { code, out, err } = await upgrade(server, env);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out.trim().split("\n").at(-1)).toBe("1 client(s) moved");
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(await publish(server, 2)).toMatchObject({ epoch, offset: 2, duplicate: false });
    expect((await server.request("GET", "/v1/schedules/later")).status).toBe(200);
    expect(await publish(server, 1)).toMatchObject({ epoch, offset: 1, duplicate: true });
    const { nodes } = (await (await server.request("GET", "/v1/nodes")).json()) as { nodes: Frame[] };
    expect(nodes.map(({ name }) => name)).toEqual(["supervisor", "worker 2.1"]);
    expect(nodes[0]?.pid).toBe(server.pid);
    expect(await upgrade(server, env)).toMatchObject({ code: 0 });
    expect(await publish(server, 3)).toMatchObject({ epoch, offset: 3 });
    expect(await historyOf(server)).toEqual([1, 2, 3]);
    const metrics = (await (await server.request("GET", "/metrics")).json()) as Frame;
    expect(metrics.publications_total).toBe(3); // by the workers of three generations
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(readdirSync(place.folder)).toEqual([]);
  });

  test.concurrent("starts the release that the link now leads to, and needs the one before no longer", async () => {
    using place = makeFolder();
    using next = new ProgramCopy();
    const link = join(place.folder, "current");
    const first = new ProgramCopy();
    symlinkSync(first.folder, link);
    await using server = await startWorkers(1, {
      main: join(link, "server/main.ts"),
      env: { FANFARE_PROGRAM: link }, // set by the launcher
    });
    const { epoch } = await publish(server, 1);
    next.write("server/supervisor/worker-count.ts", "export const workerCount = () => 2;");
    rmSync(link);
    symlinkSync(next.folder, link);
    expect(await upgrade(server)).toMatchObject({ code: 0 });
    first[Symbol.dispose]();
    expect(await reloadOf(server)).toMatchObject({ code: 0 }); // new workers, from the new release
    const { nodes } = (await (await server.request("GET", "/v1/nodes")).json()) as { nodes: Frame[] };
    expect(nodes.map(({ name }) => name)).toEqual(["supervisor", "worker 3.1", "worker 3.2"]);
    expect(await publish(server, 2)).toMatchObject({ epoch, offset: 2 });
  });

  test.concurrent("with DATA_DIR continues with the same file", async () => {
    using data = makeFolder();
    await using server = await startWorkers(1, { env: { DATA_DIR: data.folder } });
    const { epoch } = await publish(server, 1);
    expect(await upgrade(server)).toMatchObject({ code: 0 });
    expect(await publish(server, 2)).toMatchObject({ epoch, offset: 2 });
    expect(await historyOf(server)).toEqual([1, 2]);
  });

  test.concurrent("changes nothing if the program on disk does not start, or its settings are invalid", async () => {
    using copy = new ProgramCopy();
    await using server = await startWorkers(1, { main: copy.main });
    using client = await SocketUnderTest.open(server.wsUrl);
    copy.write("server/supervisor/generations.ts", "export const x = ;");
    const { code, err } = await upgrade(server);
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(
        /the program on disk does not start: the program's files are damaged .* Unexpected ; \(\S+generations\.ts:1:\d+\)/,
      ),
    ]);
    copy.restore("server/supervisor/generations.ts");
    copy.write(
      "server/supervisor/upgrade.ts",
      `export const rehearsalVariable = "FANFARE_REHEARSAL";
      export const rehearsalLine = () => '{"takeover":"0.0"}';
      export const canReplaceProgram = () => true, rehearse = () => {}, replaceProgram = () => {};`,
    );
    expect((await upgrade(server)).err).toContain("the program on disk cannot take over (it has version 0.0");
    client.send("still here");
    await client.until(({ message }) => message === "still here");
    expect(client.frames.filter(({ event }) => event === "draining")).toEqual([]);
  });

  test.concurrent("keeps the old workers if the new ones do not start, and the next upgrade replaces them", async () => {
    using copy = new ProgramCopy();
    await using server = await startWorkers(1, { main: copy.main });
    using client = await SocketUnderTest.open(server.wsUrl);
    copy.write("server/worker/hosted.ts", "throw new Error('not this one')");
    expect((await upgrade(server)).err).toContain("the old workers keep serving");
    copy.restore("server/worker/hosted.ts");
    expect(await upgrade(server)).toMatchObject({ code: 0 });
    expect(await client.untilClosed()).toMatchObject({ code: 1012 });
    expect(server.output).not.toContain("worker 1 exited");
  });

  test.concurrent("is given up if the server is to stop while the program on disk is checked", async () => {
    await using server = await startWorkers(1);
    server.signal("SIGUSR2");
    await server.untilLogged(/SIGUSR2 \(upgrade\)/);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(server.output).not.toContain("new worker(s)");
  });

  test.concurrent("leaves a stop that is requested while the workers change to the new program to that program", async () => {
    await using server = await startWorkers(1);
    const [, pid] = await server.untilLogged(/workers share port \d+: (\d+)/);
    process.kill(Number(pid), "SIGSTOP"); // so that the supervisor waits for it
    server.signal("SIGUSR2");
    await server.untilLogged(/replacing the supervisor by/);
    server.signal("SIGTERM");
    await server.untilLogged(/SIGTERM \(shut down\)/);
    process.kill(Number(pid), "SIGCONT");
    expect(await server.exited).toBe(0);
    expect(server.output).toContain("has taken over");
    expect(server.output).not.toContain("new worker(s)");
  });

  test.concurrent("replaces an old worker that hangs, and does not wait for it", async () => {
    await using server = await startWorkers(2);
    const [, pids = ""] = await server.untilLogged(/workers share port \d+: ([\d, ]+)/);
    const [hanging = 0] = pids.split(", ").map(Number);
    process.kill(hanging, "SIGSTOP");
    await runProgram(["upgrade", "--no-wait", "--port", String(server.port)]);
    await until(() => isTakingOver(server.pid), "the new program handles signals while it waits for the workers");
    server.signal("SIGUSR2");
    server.signal("SIGHUP");
    expect(server.output).not.toContain("has taken over");
    await server.untilLogged(/Upgrade 1 is done/);
    await until(() => !isServing(hanging), "the worker that hung is gone");
    expect(await publish(server, 1)).toMatchObject({ offset: 1 });
  });

  test.concurrent("is also requested by SIGUSR2, and keeps the id of the process", async () => {
    await using server = await startWorkers(1);
    server.signal("SIGUSR2");
    await server.untilLogged(/Upgrade 1 is done: 0 client\(s\) moved/);
    expect(server.output).toContain(`in the same process ${server.pid}`);
    expect((await server.request("GET", "/readyz")).status).toBe(200);
  });
});

/** Whether the process runs the new program, and a signal that requests a reload or an upgrade does not end it. */
function isTakingOver(pid: number): boolean {
  if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes("FANFARE_TAKEOVER=")) return false;
  const [, caught = ""] = /^SigCgt:\s+(\w+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return ["SIGHUP", "SIGUSR2"].every(
    (it) => (BigInt(`0x${caught}`) >> BigInt(constants.signals[it as "SIGHUP"] - 1)) & 1n,
  );
}

/** A process that has exited stays in the process table until its parent ends, because the new program does not know it. */
function isServing(pid: number): boolean {
  if (!isRunning(pid)) return false;
  const [, state] = /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return state !== "Z";
}
