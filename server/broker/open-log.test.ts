import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { openLog } from "./open-log.ts";

const a = "a" as ChannelName;
let parent = "";

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "fanfare-open-log-"));
});

afterEach(() => rm(parent, { recursive: true }));

async function epochOf(dataDir: string | undefined): Promise<string | undefined> {
  const log = await openLog({ dataDir, historyBytesTotal: 1_000_000 });
  const tops = await log.tops([a]);
  await log.close();
  return tops.get(a)?.epoch;
}

describe("openLog", () => {
  test("with a directory, what it knows outlives it; the directory is made", async () => {
    const dataDir = join(parent, "not", "there yet");
    expect(await epochOf(dataDir)).toBe(await epochOf(dataDir));
    expect(await readdir(dataDir)).toContain("history.sqlite");
  });

  test("without one, each log is a life of its own", async () => {
    expect(await epochOf(undefined)).not.toBe(await epochOf(undefined));
  });

  test("a directory that cannot be one is an error that names the setting and the way out", async () => {
    const file = join(parent, "file");
    await writeFile(file, "");
    const [opened] = await Promise.allSettled([epochOf(join(file, "data"))]);
    expect(String(opened.status === "rejected" && opened.reason)).toContain(
      `DATA_DIR ${join(file, "data")}: it is no directory and none can be made there: choose a directory`,
    );
  });
});
