import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { testIf } from "../../tests/test-if.ts";
import { defaultLogLimits } from "../broker/log-limits.ts";
import type { Archive } from "../broker/sqlite/archive.ts";
import { openHistory } from "../broker/sqlite/open-history.ts";
import { systemClock } from "../lib/clock.ts";
import { openSchedules } from "../schedule/open-store.ts";
import { runFakeCli } from "./fake-cli.ts";

let directory = "";
const rules = { historySize: 1000, historyTtl: 86_400_000, historyBytes: 100_000_000 };
const channels = ["a", "b"] as ChannelName[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fanfare-data-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

function open(): Archive {
  return openHistory(directory, defaultLogLimits, { now: Date.now(), wall: Date.now() });
}

/** Stores messages of about 500 bytes in two channels, so that the file has many pages, and closes the file. */
function store(count: number): string | undefined {
  const archive = open();
  const now = Date.now();
  const entries = Array.from({ length: count }, (_, at) => ({
    draft: { channel: channels[at % 2] ?? ("a" as ChannelName), id: `id-${at}`, message: `${at} ${"x".repeat(500)}` },
    rules,
  }));
  archive.append([{ verb: "append", entries, now, wall: now }], now);
  const epoch = epochOf(archive);
  archive.close(now, now);
  return epoch;
}

const epochOf = (archive: Archive) => archive.tops(channels, Date.now()).get("a" as ChannelName)?.epoch;
const path = () => join(directory, "history.sqlite");
const check = (...args: string[]) => runFakeCli(["data", "check", directory, ...args]);

function damagePages(from: number, to: number): void {
  const bytes = readFileSync(path());
  bytes.fill(0xa5, from * 4096, to * 4096);
  writeFileSync(path(), bytes);
}

function messages(): { readonly count: number; readonly epoch: string | undefined } {
  const archive = open();
  const epoch = epochOf(archive);
  let count = 0;
  for (const channel of channels) {
    let before = -1;
    for (let offset = 0, isOver = false; !isOver; ) {
      const top = archive.tops([channel], Date.now()).get(channel);
      const position = { epoch: String(top?.epoch), offset };
      const { publications } = archive.read(
        channel,
        { from: "position", position },
        { limit: 100, maxBytes: Number.MAX_SAFE_INTEGER },
        Date.now(),
      );
      for (const { body } of publications) {
        const [number, rest] = JSON.parse(body).message.split(" ");
        expect([Number(number) % 2, rest]).toEqual([channels.indexOf(channel), "x".repeat(500)]);
        expect(Number(number)).toBeGreaterThan(before);
        before = Number(number);
      }
      count += publications.length;
      const last = publications.at(-1)?.offset;
      isOver = last === undefined;
      offset = last ?? 0;
    }
  }
  archive.close(Date.now(), Date.now());
  return { count, epoch };
}

describe("fanfare data check", () => {
  test("reports what is stored, and changes nothing", async () => {
    store(20);
    const before = readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString("hex")]);
    const { code, out } = await check();
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/channels: +2\n +messages: +20\n +publishers' ids: 20\nIt is intact/),
    ]);
    expect(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name)).toString("hex")])).toEqual(
      before,
    );
  });

  testIf(process.getuid?.() !== 0, "root may write everywhere")(
    "reads a directory that cannot be written",
    async () => {
      store(20);
      chmodSync(directory, 0o500);
      const { code, err } = await check();
      chmodSync(directory, 0o700);
      expect([code, err]).toEqual([0, ""]);
    },
  );

  test("does not take a folder for a witness", async () => {
    store(20);
    for (const name of readdirSync(directory)) {
      if (!name.includes("witness")) continue;
      rmSync(join(directory, name));
      mkdirSync(join(directory, name));
    }
    const { code, out } = await check();
    expect([code, out]).toEqual([1, expect.stringContaining("its witness is missing")]);
  });

  test("finds a damaged message", async () => {
    store(20);
    const database = new Database(path());
    database.run("UPDATE publications SET body = 'other' WHERE row = 7");
    database.close();
    const { code, out } = await check();
    expect([code, out]).toEqual([1, expect.stringContaining("1 damaged or missing messages")]);
  });

  test("reports a missing witness", async () => {
    store(20);
    for (const name of readdirSync(directory)) if (name.includes("witness")) rmSync(join(directory, name));
    const { code, out } = await check();
    expect([code, out]).toEqual([1, expect.stringContaining("its witness is missing: all channels start new epochs")]);
  });

  test("reports a file that a server would not start with, and says what to do", async () => {
    store(500);
    damagePages(20, 24);
    const { code, out } = await check();
    expect([code, out]).toEqual([1, expect.stringContaining("Run the same command with --repair")]);
  });

  test("fails while a server is using the directory", async () => {
    const running = open();
    const { code, err } = await check();
    expect([code, err]).toEqual([1, expect.stringContaining("another process is using it")]);
    running.close(0, 0);
  });

  test("takes the directory from DATA_DIR, and fails if that is not set", async () => {
    store(2);
    const found = await runFakeCli(["data", "check"], { env: { DATA_DIR: directory } });
    expect(found.out).toContain("It is intact");
    const missing = await runFakeCli(["data", "check"]);
    expect([missing.code, missing.err]).toEqual([1, expect.stringContaining("DATA_DIR is not set")]);
    const empty = await runFakeCli(["data", "check", join(directory, "nowhere")]);
    expect([empty.code, empty.err]).toEqual([1, expect.stringContaining("there is no history in it")]);
  });
});

describe("the schedules in the directory", () => {
  const addSchedules = (...ids: string[]) => {
    const limits = { maxSchedules: 100, scheduleBytes: 1_000_000 };
    const { records, close } = openSchedules({ ...limits, dataDir: directory }, systemClock);
    records.write(ids.map((id) => ({ id, expected: 0, record: { dueAt: null, text: "{}" } })));
    close();
  };

  test("are counted, and intact", async () => {
    store(2);
    addSchedules("a", "b");
    const { code, out } = await check();
    expect([code, out]).toEqual([0, expect.stringMatching(/The schedules\n(.*\n)*.*schedules: +2\n.*intact/)]);
  });

  test("that are damaged are named, and removed by --repair", async () => {
    store(2);
    addSchedules("good", "bad");
    const database = new Database(join(directory, "schedules.sqlite"));
    database.run("UPDATE schedules SET text = 'x' WHERE id = 'bad'");
    database.close();
    const found = await check();
    expect([found.code, found.out]).toEqual([1, expect.stringContaining('the schedule "bad" is damaged')]);
    expect((await check("--repair")).out).toContain("Repaired: 1 schedules are kept");
    expect((await check()).code).toBe(0);
  });
});

describe("fanfare data check --repair", () => {
  test.each([
    ["pages in the middle", () => damagePages(20, 24), 300],
    ["the first page", () => damagePages(0, 1), 0],
    ["a cut in the middle", () => writeFileSync(path(), readFileSync(path()).subarray(0, 200_000)), 0],
  ])("saves the readable messages of a file that no server starts with: %s", async (_, damage, least) => {
    const epoch = store(500);
    damage();
    expect(open).toThrow();
    const { code, out } = await check("--repair");
    expect([code, out]).toEqual([0, expect.stringContaining("Repaired: ")]);
    expect(readdirSync(directory).filter((name) => name.startsWith("damaged-"))).toHaveLength(1);
    const after = messages();
    expect(after.count).toBeGreaterThanOrEqual(least);
    expect(after.count).toBeLessThan(500);
    expect(after.epoch).not.toBe(epoch);
    expect((await check()).out).toContain("It is intact");
  });

  test("removes damaged messages", async () => {
    store(20);
    const database = new Database(path());
    database.run("UPDATE publications SET body = 'other' WHERE row IN (7, 20)");
    database.close();
    expect((await check("--repair")).code).toBe(0);
    expect(messages().count).toBe(18);
  });

  test("does not change an intact history, unless --new-epochs is given", async () => {
    const epoch = store(20);
    expect((await check("--repair")).out).toContain("nothing to repair");
    expect(messages()).toEqual({ count: 20, epoch });
    expect((await check("--new-epochs")).err).toContain("add --repair");
    expect((await check("--repair", "--new-epochs")).out).toContain("20 messages are kept");
    const after = messages();
    expect([after.count, after.epoch === epoch]).toEqual([20, false]);
  });
});
