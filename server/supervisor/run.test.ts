import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { isRunning, until } from "../../tests/waiting.ts";
import { loadSettings } from "../config/load.ts";
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { controlPath } from "../ops/control-socket.ts";
import { runSupervisor } from "./run.ts";

setDefaultTimeout(60_000); // processes start slowly on a busy machine

const signals = ["SIGINT", "SIGTERM", "SIGHUP", "exit", "uncaughtException", "unhandledRejection"] as const;
const before = new Map(signals.map((name) => [name, process.listeners(name as "exit")]));

// The supervisor handles the signals of its process, which is that of the tests.
afterEach(() => {
  for (const [name, listeners] of before) {
    process.removeAllListeners(name);
    for (const listener of listeners) process.on(name as "exit", listener);
  }
});

function load(env: Readonly<Record<string, string>> = {}): Settings {
  const inputs = { flags: new Map(), configPath: undefined, readText: () => undefined };
  const own = { PORT: "0", WORKERS: "1", LOG_LEVEL: "error", NOTIFICATION_INTERVAL: "0" };
  return loadSettings({ ...inputs, env: { ...own, ...env } }).settings;
}

/** A supervisor in this process. */
function run(settings: Settings) {
  const listening = Promise.withResolvers<ListeningAddress>();
  const launcher = new Set<() => void>();
  const isDone = { value: false };
  const code = runSupervisor(settings, {
    onListening: listening.resolve,
    onLauncherGone: (run) => {
      launcher.add(run);
      return () => void launcher.delete(run);
    },
    readSettings: () => settings,
    onReloaded: () => undefined,
  }).finally(() => {
    isDone.value = true;
  });
  return { code, launcher, isDone, listening: listening.promise };
}

const isServed = ({ port }: ListeningAddress) =>
  fetch(`http://127.0.0.1:${port}/livez`).then(
    ({ status }) => status === 200,
    () => false,
  );

/** The ids of its worker processes. */
async function pidsOf({ port }: ListeningAddress): Promise<readonly number[]> {
  const answer = await fetch("http://localhost/v1/nodes", { unix: controlPath(port) });
  const { nodes } = (await answer.json()) as { nodes: { name: string; pid: number }[] };
  return nodes.filter(({ name }) => name.startsWith("worker")).map(({ pid }) => pid);
}

describe("a server under a supervisor", () => {
  test("serves with its workers until a signal ends it, and then exits with 0", async () => {
    const { code, listening, launcher } = run(load({ WORKERS: "2" }));
    const address = await listening;
    expect([await isServed(address), (await pidsOf(address)).length, launcher.size]).toEqual([true, 2, 1]);
    process.emit("SIGTERM", "SIGTERM");
    expect(await code).toBe(0);
    expect([await isServed(address), launcher.size]).toEqual([false, 0]);
  });

  test("ends when its launcher is gone", async () => {
    const { code, listening, launcher } = run(load());
    await listening;
    for (const end of launcher) end();
    expect(await code).toBe(0);
  });

  test("that is stopped while it starts exits with the code of the signal, and never listens", async () => {
    const { code, listening } = run(load());
    let hasListened = false;
    void listening.then(() => {
      hasListened = true;
    });
    process.emit("SIGINT", "SIGINT");
    expect([await code, hasListened]).toEqual([130, false]);
    expect([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")]).toEqual([
      before.get("SIGINT")?.length ?? 0,
      before.get("SIGTERM")?.length ?? 0,
    ]);
  });

  test("that cannot start rejects with the reason", async () => {
    using busy = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
    const { code } = run(load({ PORT: String(busy.port) }));
    await expect(code).rejects.toMatchObject({ code: "EADDRINUSE" });
  });

  test("kills its workers when the process exits at once", async () => {
    const { code, listening } = run(load());
    const address = await listening;
    const [pid = 0] = await pidsOf(address);
    for (const listener of process.listeners("exit")) {
      if (!before.get("exit")?.includes(listener)) (listener as () => void)();
    }
    await until(() => !isRunning(pid), "the worker is gone");
    process.emit("SIGTERM", "SIGTERM");
    expect(await code).toBe(0);
  });

  test("exits with 1 when a worker keeps dying, after the other workers have moved their clients", async () => {
    const { code, listening, isDone } = run(load({ WORKERS: "2", DRAIN_WINDOW: "10ms" }));
    const address = await listening;
    const [survivor, ...rest] = await pidsOf(address);
    expect(rest).toHaveLength(1);
    const killOthers = async () => {
      const pids = await pidsOf(address).catch(() => []);
      for (const pid of pids) if (pid !== survivor && isRunning(pid)) process.kill(pid, "SIGKILL");
      return isDone.value;
    };
    await until(killOthers, "the server has given up");
    expect([await code, await isServed(address)]).toEqual([1, false]);
  }, 60_000); // the worker starts and dies eight times
});
