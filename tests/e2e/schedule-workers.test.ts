import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reload } from "../roll/workers-driver.ts";
import { eventually, isRunning, until } from "../waiting.ts";
import { type ServerUnderTest, startServer } from "./server.ts";
import type { Frame } from "./socket.ts";

const isLong = process.env.FANFARE_LONG !== undefined;

/** Schedules that publish into one channel of a server whose workers come and go. */
class Schedules {
  readonly #server: ServerUnderTest;

  constructor(server: ServerUnderTest) {
    this.#server = server;
  }

  /** Asks until a worker that lives answers. */
  async ask(method: string, path: string, body?: unknown): Promise<Frame> {
    let answer: Frame = {};
    await eventually(async () => {
      const response = await this.#server.request(method, path, body, { Connection: "close" });
      answer = (await response.json()) as Frame;
      if (response.status >= 300) throw new Error(`${path} was answered with ${response.status}`);
    });
    return answer;
  }

  /** Makes one schedule for each id, and one more every so many milliseconds. */
  async make(ids: readonly string[], { inMs, everyMs }: { readonly inMs: number; readonly everyMs: number }) {
    const start = Date.now() + inMs;
    for (const [n, id] of ids.entries()) {
      const at = new Date(start + n * everyMs).toISOString();
      await this.ask("PUT", `/v1/schedules/${id}`, { publish: { channel: "fired", data: id }, at });
    }
  }

  /** The messages that they have published. */
  async fired(): Promise<readonly string[]> {
    const { messages } = await this.ask("GET", "/v1/channels/fired/history?limit=1000");
    return (messages as Frame[]).map(({ data }) => String(data));
  }

  /** Resolves once a schedule that was due after all others has fired. Then nothing else will. */
  async untilOver(count: number): Promise<void> {
    await until(async () => (await this.fired()).length >= count, "all have fired");
    await this.ask("POST", "/v1/publish", { channel: "fired", data: "the end", delay_s: 0.5 });
    await until(async () => (await this.fired()).includes("the end"), "a later one has fired");
  }
}

test.concurrent("workers that are killed one after another while schedules fire publish each once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-schedules-"));
  try {
    // In memory as well where there is time: it is the same but for the disk.
    for (const env of [{ DATA_DIR: join(folder, "data") }, ...(isLong ? [{}] : [])]) {
      await using server = await startServer({ env, flags: ["--workers", "3"] });
      const schedules = new Schedules(server);
      const ids = Array.from({ length: 120 }, (_, n) => `s${n}`);
      await schedules.make(ids, { inMs: 3000, everyMs: 20 });
      const { nodes } = await schedules.ask("GET", "/v1/nodes");
      const workers = (nodes as Frame[]).filter(({ name }) => String(name).startsWith("worker"));
      for (const [n, { pid }] of workers.entries()) {
        await until(async () => (await schedules.fired()).length > 15 + n * 30, "some have fired");
        if (isRunning(Number(pid))) process.kill(Number(pid), "SIGKILL");
      }
      await schedules.untilOver(ids.length);
      expect((await schedules.fired()).toSorted()).toEqual([...ids, "the end"].toSorted());
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.concurrent("workers that are replaced while schedules fire publish each once, and skip none", async () => {
  await using server = await startServer({ env: { DRAIN_WINDOW: "1s" }, flags: ["--workers", "2"] });
  const schedules = new Schedules(server);
  await schedules.ask("PUT", "/v1/schedules/each-second", { publish: { channel: "ticks", message: "t" }, every_s: 1 });
  const ids = Array.from({ length: 80 }, (_, n) => `s${n}`);
  await schedules.make(ids, { inMs: 1000, everyMs: 50 });
  await until(async () => (await schedules.fired()).length > 0, "the first has fired");
  await reload(server);
  await schedules.untilOver(ids.length);
  expect((await schedules.fired()).toSorted()).toEqual([...ids, "the end"].toSorted());
  const { messages } = await schedules.ask("GET", "/v1/channels/ticks/history?limit=1000");
  const times = (messages as Frame[]).map(({ id }) => Date.parse(String(id).split(":").slice(3).join(":")));
  expect(times.length).toBeGreaterThan(3);
  expect(times).toEqual(times.map((_, n) => (times[0] ?? 0) + n * 1000));
});
