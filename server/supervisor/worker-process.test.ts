import { afterEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { turn } from "../../tests/waiting.ts";
import { loadSettings } from "../config/load.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { reservePort } from "./reserve-port.ts";
import { type SharedBackbone, share } from "./shared.ts";
import { WorkerProcess } from "./worker-process.ts";

setDefaultTimeout(60_000); // processes start slowly on a busy machine

const opened: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function world(clock = new MovedClock()) {
  const inputs = { env: {}, flags: new Map(), configPath: undefined, readText: () => undefined };
  const { settings: loaded } = loadSettings({ ...inputs, options: { port: 0, notificationInterval: 0 } });
  const reserved = reservePort(loaded);
  const settings = { ...loaded, port: reserved.port, logLevel: "ERROR" as const };
  const shared: SharedBackbone = await share(settings);
  await shared.start();
  opened.push(() => shared.close());
  const drains: string[] = [];
  const start = () => {
    const assignment = {
      name: "worker 1",
      settings,
      backboneAddress: shared.backboneAddress,
      hasTerminal: false,
      isStarting: true,
    };
    const liveness = { beatMs: 1000, maxSilentBeats: 3 };
    const worker = new WorkerProcess(assignment, { onDrainWanted: () => drains.push("wanted"), clock, liveness });
    opened.push(async () => {
      worker.kill();
      await worker.ended;
    });
    return worker;
  };
  return { start, clock, drains, url: `http://127.0.0.1:${settings.port}`, release: () => reserved.release() };
}

describe("the process of a worker", () => {
  test("serves once it is ready, and sends a receipt when it is drained", async () => {
    const { start, url, release } = await world();
    const worker = start();
    await worker.ready;
    release();
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    worker.drain();
    expect(await worker.ended).toMatchObject({ initial: 0, forced: 0 });
    expect(worker.ending).toBe("exit code 0");
  });

  test("that is drained before it can receive orders is killed", async () => {
    const { start } = await world();
    const worker = start();
    worker.drain();
    expect(await worker.ended).toBeUndefined();
    await expect(worker.ready).rejects.toThrow("worker 1: it exited before it was ready");
    expect(worker.ending).toBe("SIGKILL");
  });

  test("that is dying can still be sent orders", async () => {
    const { start } = await world();
    for (let time = 0; time < 4; time++) {
      const worker = start();
      await worker.ready;
      process.kill(worker.pid, "SIGKILL");
      let isGone = false;
      void worker.ended.then(() => {
        isGone = true;
      });
      while (!isGone) {
        worker.closeNow();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(worker.ending).toBe("SIGKILL");
    }
  });

  test("that hangs is killed, since it would still be assigned new connections", async () => {
    const { start, clock } = await world();
    const worker = start();
    await worker.ready;
    process.kill(worker.pid, "SIGSTOP");
    await clock.moveInSteps(10_000, 1000);
    expect(await worker.ended).toBeUndefined();
    expect(worker.ending).toBe("SIGKILL");
  });

  test("that answers pings is not killed", async () => {
    const { start, clock, url, release } = await world();
    const worker = start();
    await worker.ready;
    release();
    for (let beats = 0; beats < 8; beats++) {
      clock.move(1000);
      // The ping arrives before these requests, and the worker handles everything that has arrived in each of its turns.
      for (let request = 0; request < 3; request++) await (await fetch(`${url}/livez`)).text();
      await turn();
    }
    worker.drain();
    expect(await worker.ended).toBeDefined();
  });

  test("reports a drain request over HTTP", async () => {
    const { start, drains, url, release } = await world();
    const worker = start();
    await worker.ready;
    release();
    expect((await fetch(`${url}/v1/drain`, { method: "POST" })).status).toBe(202);
    expect(drains).toEqual(["wanted"]);
  });
});
