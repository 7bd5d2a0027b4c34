import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, isRunning, until } from "../waiting.ts";
import { startServer } from "./server.ts";
import type { Frame } from "./socket.ts";

const isLong = process.env.FANFARE_LONG !== undefined;

test("workers that are killed one after another while schedules fire publish each once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "fanfare-schedules-"));
  try {
    // In memory as well where there is time: it is the same but for the disk.
    for (const env of [{ DATA_DIR: join(folder, "data") }, ...(isLong ? [{}] : [])]) {
      await using server = await startServer({ env, flags: ["--workers", "3"] });
      /** Asks until a worker that lives answers. */
      const ask = async (method: string, path: string, body?: unknown): Promise<Frame> => {
        let answer: Frame = {};
        await eventually(async () => {
          const response = await server.request(method, path, body, { Connection: "close" });
          answer = (await response.json()) as Frame;
          if (response.status >= 300) throw new Error(`${path} was answered with ${response.status}`);
        });
        return answer;
      };
      const start = Date.now() + 3000;
      const ids = Array.from({ length: 120 }, (_, n) => `s${n}`);
      for (const [n, id] of ids.entries()) {
        const at = new Date(start + n * 20).toISOString();
        await ask("PUT", `/v1/schedules/${id}`, { publish: { channel: "fired", data: id }, at });
      }
      const workers = async () => {
        const { nodes } = await ask("GET", "/v1/nodes");
        return (nodes as Frame[]).filter(({ name }) => String(name).startsWith("worker")).map(({ pid }) => Number(pid));
      };
      const fired = async () => {
        const { messages } = await ask("GET", "/v1/channels/fired/history?limit=1000");
        return (messages as Frame[]).map(({ data }) => String(data));
      };
      const first = await workers();
      for (const [n, pid] of first.entries()) {
        await until(async () => (await fired()).length > 15 + n * 30, "some have fired");
        if (isRunning(pid)) process.kill(pid, "SIGKILL");
      }
      await until(async () => (await fired()).length >= ids.length, "all have fired");
      await ask("POST", "/v1/publish", { channel: "fired", data: "the end", delay_s: 0.5 });
      await until(async () => (await fired()).includes("the end"), "a later one has fired");
      expect((await fired()).toSorted()).toEqual([...ids, "the end"].toSorted());
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 60_000);
