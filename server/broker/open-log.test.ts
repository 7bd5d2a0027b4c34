import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { MovedClock } from "../lib/moved-clock.ts";
import { openLog } from "./open-log.ts";

const a = "a" as ChannelName;
const b = "b" as ChannelName;
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
  test("with a directory, epochs survive; the directory is created", async () => {
    const dataDir = join(parent, "not", "there yet");
    expect(await epochOf(dataDir)).toBe(await epochOf(dataDir));
    expect(await readdir(dataDir)).toContain("history.sqlite");
  });

  test("without a directory, each log starts empty", async () => {
    expect(await epochOf(undefined)).not.toBe(await epochOf(undefined));
  });

  test("a directory that cannot be created is an error that names the setting and what to do", async () => {
    const file = join(parent, "file");
    await writeFile(file, "");
    const [opened] = await Promise.allSettled([epochOf(join(file, "data"))]);
    expect(String(opened.status === "rejected" && opened.reason)).toContain(
      `DATA_DIR ${join(file, "data")}: it is not a directory and cannot be created: choose a directory`,
    );
  });

  test("settings that keep less apply at once after a restart, before anything is published", async () => {
    const before = { historySize: 10, historyTtl: 60_000, historyBytes: 100_000 };
    const dataDir = join(parent, "data");
    const settings = { dataDir, historyBytesTotal: 1_000_000 };
    const clock = new MovedClock();
    const first = await openLog(settings, { clock, rulesOf: () => before });
    const store = (channel: ChannelName) => first.append([{ draft: { channel, message: "m" }, rules: before }]);
    for (let count = 0; count < 5; count++) await store(a);
    clock.move(1500);
    await store(b);
    await first.close();
    const rulesOf = (channel: ChannelName) => ({
      ...before,
      ...(channel === a ? { historySize: 3 } : { historyTtl: 1000 }),
    });
    const second = await openLog(settings, { clock, rulesOf });
    const offsets = async (channel: ChannelName) =>
      (await second.read(channel, { from: "earliest" }, { limit: 10, maxBytes: 1_000_000 })).publications.map(
        ({ offset }) => offset,
      );
    expect([await offsets(a), await offsets(b)]).toEqual([[3, 4, 5], [1]]);
    expect(await second.list("", "", 10)).toMatchObject([{ messages: 3 }, { messages: 1 }]);
    clock.move(1001);
    expect([await offsets(a), await offsets(b)]).toEqual([[3, 4, 5], []]);
    await second.close();
    const third = await openLog(settings, { clock, rulesOf: () => before });
    expect((await third.read(a, { from: "earliest" }, { limit: 10, maxBytes: 1_000_000 })).publications).toHaveLength(
      3,
    );
    await third.close();
  });

  test("the window and the memory of ids are those of the settings", async () => {
    for (const dataDir of [undefined, join(parent, "ids")]) {
      const clock = new MovedClock();
      const ids = { idempotencyWindowMs: 2000, idempotencyBytes: 1000 };
      const log = await openLog({ dataDir, historyBytesTotal: 1_000_000, ...ids }, { clock });
      const rules = { historySize: 10, historyTtl: 60_000, historyBytes: 100_000 };
      const outcomes = async (...names: string[]) => {
        const entries = names.map((id) => ({ draft: { channel: a, message: "m", id }, rules }));
        return (await log.append(entries)).map((it) => (it.outcome === "refused" ? it.error.code : it.outcome));
      };
      // 200 bytes each, and one per character of channel, id and separator.
      expect(await outcomes("1", "2", "3", "4", "5")).toEqual([...Array(4).fill("stored"), "idempotency-full"]);
      clock.move(2000);
      expect(await outcomes("1", "5")).toEqual(["duplicate", "idempotency-full"]);
      clock.move(1);
      expect(await outcomes("1", "5")).toEqual(["stored", "stored"]);
      await log.close();
    }
  });
});
