import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import type { Subprocess } from "bun";
import { type Clock, systemClock } from "../../server/lib/clock.ts";
import { makeRandom, replayable } from "../seed.ts";
import { turn, until } from "../waiting.ts";
import { CheckingReader } from "./checking-reader.ts";
import { a, type IpcWorker, IpcWorld } from "./ipc-world.ts";
import { SocketProxy } from "./socket-proxy.ts";

/** Waits and beats are twenty times faster: a beat is 50 ms, and 500 ms of silence are too long. */
const fast: Clock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 20) };

let world: IpcWorld;
const proxies: SocketProxy[] = [];
const children: Subprocess[] = [];

beforeEach(() => {
  world = new IpcWorld();
});

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
  await world.end();
  for (const proxy of proxies.splice(0)) proxy.close();
});

/** A worker whose connection can be cut, and what its client would have read. */
async function startReader(): Promise<{ worker: IpcWorker; reader: CheckingReader; proxy: SocketProxy }> {
  const proxy = new SocketProxy(world.path);
  proxies.push(proxy);
  const worker = world.add({ path: proxy.path, link: { clock: fast } });
  const reader = new CheckingReader(worker.broker, a);
  worker.onPublication = (publication) => reader.take(publication);
  worker.onBreak = () => void reader.check();
  await worker.start();
  await reader.begin();
  return { worker, reader, proxy };
}

/** Publishes until the message is known to be stored, as publishers should. */
async function publishSurely(worker: IpcWorker, id: string): Promise<void> {
  for (;;) {
    try {
      await worker.publish({ id });
      return;
    } catch {
      await turn(); // The connection is broken, and will return.
    }
  }
}

function untilRead(reader: CheckingReader, count: number): Promise<void> {
  return new Promise((resolve) => {
    reader.onProgress = () => {
      if (reader.read.length >= count) resolve();
    };
    reader.onProgress();
  });
}

async function spawn(file: string, onMessage: (message: unknown) => void, ...args: string[]): Promise<Subprocess> {
  const ready = Promise.withResolvers<void>();
  const child = Bun.spawn([process.execPath, "--no-env-file", `${import.meta.dir}/${file}`, ...args], {
    stdio: ["ignore", "ignore", "inherit"],
    serialization: "json",
    ipc: (message) => (message === "ready" ? ready.resolve() : onMessage(message)),
  });
  children.push(child);
  await ready.promise;
  return child;
}

const numbers = (count: number) => Array.from({ length: count }, (_, at) => `id ${at}`);

describe("nothing is lost silently or delivered twice", () => {
  test("when connections are cut at random, in the middle of frames too, while messages are published", () =>
    replayable(async () => {
      const random = makeRandom();
      await world.startHost();
      const readers = [await startReader(), await startReader()];
      let isOver = false;
      const disturb = async (proxy: SocketProxy) => {
        for (let cuts = 0; !isOver; ) {
          if (cuts === proxy.cuts) proxy.cutAfter(1 + Math.floor(random() * 20_000));
          cuts = proxy.cuts + 1;
          await until(() => isOver || proxy.cuts >= cuts, "the way is cut");
        }
      };
      const disturbing = readers.map(({ proxy }) => disturb(proxy));
      const ids = numbers(1000);
      const left = ids.values();
      const publisher = async (worker: IpcWorker) => {
        for (const id of left) await publishSurely(worker, id);
      };
      const workers = readers.map(({ worker }) => worker);
      await Promise.all(Array.from({ length: 20 }, (_, at) => publisher(workers[at % 2] ?? world.add())));
      isOver = true;
      await Promise.all(disturbing);
      for (const { reader, proxy } of readers) {
        proxy.cut();
        await untilRead(reader, ids.length);
        expect(proxy.cuts).toBeGreaterThan(2);
        expect([reader.holes, reader.announced]).toEqual([0, 0]);
        expect(reader.read.map(({ id }) => id).sort()).toEqual(ids.toSorted());
      }
      expect(readers[0]?.reader.read).toEqual(readers[1]?.reader.read ?? []);
    }));

  test("when the host is killed and replaced: publishers get an error, readers get a new epoch", async () => {
    const host = await spawn("host-process.ts", () => {}, world.path);
    const { worker, reader } = await startReader();
    await Promise.all(numbers(100).map((id) => worker.publish({ id })));
    await untilRead(reader, 100);
    const inFlight = Promise.allSettled(numbers(300).map((id) => worker.publish({ id: `late ${id}` })));
    host.kill("SIGKILL");
    const known = (await inFlight).filter(({ status }) => status === "fulfilled").length;
    await worker.untilEvent("gone");
    expect(worker.events).toEqual(["healthy", "unhealthy", "gone"]);
    const before = reader.read.length;
    expect(before).toBeGreaterThanOrEqual(100);
    expect(before).toBeLessThanOrEqual(400);
    expect(known).toBeLessThanOrEqual(300);
    rmSync(world.path); // A killed process leaves its socket behind.
    await world.startHost();
    await worker.untilEvent("break");
    await Promise.all(numbers(50).map((id) => publishSurely(worker, id)));
    await untilRead(reader, before + 50);
    expect(reader.announced).toBe(1);
    expect(reader.holes).toBe(1);
    expect(reader.read.slice(before).map(({ offset }) => offset)).toEqual(numbers(50).map((_, at) => at + 1));
  });

  test("when a worker hangs: it is disconnected, blocks nobody, and catches up when it continues", async () => {
    const host = await world.startHost({ link: { maxQueuedBytes: 1_000_000 } });
    const done = Promise.withResolvers<{ holes: number; breaks: number }>();
    const child = await spawn(
      "worker-process.ts",
      (message) => {
        const { read, ...rest } = message as { read: number; holes: number; breaks: number };
        if (read === 200) done.resolve(rest);
      },
      world.path,
      a,
    );
    const { worker, reader } = await startReader();
    child.kill("SIGSTOP");
    const message = "x".repeat(20_000);
    for (const id of numbers(200)) await worker.publish({ id, message });
    await untilRead(reader, 200);
    expect(host.workers).toBe(1);
    child.kill("SIGCONT");
    expect(await done.promise).toEqual({ holes: 0, breaks: 1 });
    expect(host.workers).toBe(2);
  });

  test("when the host hangs: workers notice, and everything continues when it does", async () => {
    const host = await spawn("host-process.ts", () => {}, world.path);
    const { worker, reader } = await startReader();
    await publishSurely(worker, "before");
    host.kill("SIGSTOP");
    const stuck = worker.publish({ id: "stuck" });
    await expect(stuck).rejects.toMatchObject({ code: "broker-unavailable" });
    await worker.untilEvent("gone");
    host.kill("SIGCONT");
    await worker.untilEvent("break");
    await publishSurely(worker, "stuck");
    await untilRead(reader, 2);
    expect(reader.read.map(({ id }) => id)).toEqual(["before", "stuck"]);
    expect([reader.holes, reader.announced]).toEqual([0, 0]);
  });
});

test("control: a reader that does not check for gaps loses the messages that were cut off", async () => {
  await world.startHost();
  const { worker, proxy } = await startReader();
  const other = await world.connect();
  await other.publish({ id: "1" });
  await worker.until(({ received }) => received.length === 1);
  proxy.cut();
  await other.publish({ id: "2" });
  await worker.untilEvent("break");
  await other.publish({ id: "3" });
  await worker.until(({ received }) => received.at(-1)?.id === "3");
  expect(worker.received.map(({ id }) => id)).toEqual(["1", "3"]);
});
