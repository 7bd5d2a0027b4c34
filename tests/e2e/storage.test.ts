import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { openLog } from "../../server/broker/open-log.ts";
import { testIf } from "../test-if.ts";
import { HistoryWriter } from "./history-writer-process.ts";

/** Sets a limit on file size and lifts it from outside, like a disk that fills up and is freed. Linux only. */
const prlimit = Bun.which("prlimit");

testIf(prlimit !== null, "it needs prlimit")(
  "on a full disk the server refuses publications, loses nothing, and continues when there is room",
  async () => {
    await inDirectory(async (directory) => {
      // The unit is blocks of 512 bytes or 1 KiB, depending on the shell. With its signal ignored, exceeding the limit is a write error.
      const before = ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -S -f 2000; exec "$@"', "sh"];
      const writer = new HistoryWriter(directory, "w", { before, size: 2000 });
      try {
        expect(await writer.until("unhealthy")).toBe(true);
        expect(await writer.until("refused", 20)).toBe(true);
        const refusals = new Set(writer.linesOf("refused"));
        const storedBefore = writer.acknowledged().length;
        Bun.spawnSync([String(prlimit), "--pid", String(writer.pid), "--fsize=unlimited:unlimited"]);
        expect(await writer.until("healthy", 2)).toBe(true);
        expect(await writer.until("stored", storedBefore + 500)).toBe(true);
        expect(refusals).toEqual(new Set(["refused broker-unavailable"]));
      } finally {
        await writer.kill();
      }
      const acknowledged = writer.acknowledged().filter(({ channel }) => channel === "a");
      const log = await openLog({ dataDir: directory, historyBytesTotal: 1_000_000_000 });
      const { publications, top } = await log.read(
        "a" as ChannelName,
        { from: "earliest" },
        { limit: 1_000_000, maxBytes: Number.MAX_SAFE_INTEGER },
      );
      await log.close();
      expect(publications.map(({ offset }) => offset)).toEqual(Array.from({ length: top.offset }, (_, at) => at + 1));
      const ids = publications.map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      expect(acknowledged.filter(({ offset, id }) => ids[offset - 1] !== id)).toEqual([]);
    });
  },
);

test("a second process on the same directory exits and says what to do, and the first continues", async () => {
  await inDirectory(async (directory) => {
    const first = new HistoryWriter(directory, "first");
    try {
      expect(await first.until("stored", 1)).toBe(true);
      const second = new HistoryWriter(directory, "second");
      expect(await second.until("failed")).toBe(true);
      expect(second.linesOf("failed").join()).toContain(
        `DATA_DIR ${directory}: another process is using it: each server needs its own directory`,
      );
      expect(await first.until("stored", first.acknowledged().length + 100)).toBe(true);
      expect(first.linesOf("refused")).toEqual([]);
    } finally {
      await first.kill();
    }
  });
});

test("if the directory is removed while the server runs, publishing is refused at once, and readyz fails within seconds", async () => {
  await inDirectory(async (parent) => {
    const directory = join(parent, "data");
    const writer = new HistoryWriter(directory, "w");
    try {
      expect(await writer.until("stored", 100)).toBe(true);
      await rm(directory, { recursive: true });
      expect(await writer.until("unhealthy")).toBe(true);
      expect(await writer.until("refused", 20)).toBe(true);
      const stored = writer.acknowledged().length;
      expect(await writer.until("refused", writer.linesOf("refused").length + 50)).toBe(true);
      expect(writer.acknowledged().length).toBe(stored);
      expect(new Set(writer.linesOf("refused"))).toEqual(new Set(["refused broker-unavailable"]));
    } finally {
      await writer.kill();
    }
  });
});

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "fanfare-storage-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
