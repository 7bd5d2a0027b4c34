import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configure, type LogRecord, reset } from "@logtape/logtape";
import { scheduleStoreConformance } from "../../../tests/conformance/schedule.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { MemoryScheduleStore } from "../memory/store.ts";
import { type OpenedSchedules, openSchedules } from "../open-store.ts";
import { leaseMs, type StoreLimits } from "../schedule-store.ts";
import { checkScheduleFile, repairScheduleFile } from "./check-file.ts";

const usual: StoreLimits = { maxSchedules: 10_000, scheduleBytes: 64 * 1024 ** 2 };

scheduleStoreConformance("the store in a file", async (limits) => {
  const dataDir = mkdtempSync(join(tmpdir(), "fanfare-schedules-"));
  const clock = new MovedClock();
  const opened = openSchedules({ ...limits, dataDir }, clock);
  return {
    open: () => new MemoryScheduleStore(opened.records, { isDurable: opened.isDurable }),
    isDurable: true,
    passLease: async () => clock.move(leaseMs + 1),
    [Symbol.asyncDispose]: async () => {
      opened.close();
      rmSync(dataDir, { recursive: true });
    },
  };
});

let directory = "";
let opened: OpenedSchedules | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "fanfare-schedules-"));
});
afterEach(() => {
  opened?.close();
  opened = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const path = () => join(directory, "schedules.sqlite");

function open(): OpenedSchedules {
  opened?.close();
  opened = openSchedules({ ...usual, dataDir: directory }, new MovedClock());
  return opened;
}

function close(): void {
  opened?.close();
  opened = undefined;
}

function add(...ids: string[]): void {
  const writes = ids.map((id, n) => ({ id, expected: 0, record: { dueAt: n * 1000, text: `{"id":"${id}"}` } }));
  opened?.records.write(writes);
}

const names = () => opened?.records.read({ by: "name", prefix: "", after: "", limit: 100 }).records ?? [];

/** Changes the closed file. */
function change(sql: string): void {
  const database = new Database(path());
  database.run(sql);
  database.close();
}

test("a change that cannot be stored does not keep later ones from being stored", () => {
  open();
  add("a");
  // SQLite refuses it in the middle of the transaction.
  const broken = { id: "b", expected: 0, record: { dueAt: new Date() as never, text: "{}" } };
  expect(() => opened?.records.write([broken])).toThrow();
  add("c");
  open();
  expect(names().map(({ id }) => id)).toEqual(["a", "c"]);
});

describe("a start logs", () => {
  const logged: LogRecord[] = [];
  beforeEach(async () => {
    logged.length = 0;
    await configure({
      reset: true,
      sinks: { kept: (record) => void logged.push(record) },
      loggers: [
        { category: ["fanfare", "schedule"], sinks: ["kept"] },
        { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
      ],
    });
  });
  afterEach(() => reset());
  const sentences = () => logged.map(({ message }) => message.join(""));

  test.each([
    ["gone", () => rmSync(path())],
    ["empty", () => truncateSync(path())],
  ])("that the file is %s, if the server has stored in the directory before", (_, damage) => {
    open();
    add("a");
    close();
    damage();
    open();
    expect(sentences()).toEqual([]); // like a first start
    close();
    damage();
    writeFileSync(join(directory, "history.sqlite"), "what the server has stored before");
    open();
    expect(sentences()).toEqual([expect.stringContaining("schedules.sqlite was missing or empty")]);
    open();
    expect(logged).toHaveLength(1);
  });

  test.each(["DELETE FROM state", "UPDATE state SET count = 1"])(
    "that it is not known whether all are there, and uses no version again, after %s",
    (sql) => {
      open();
      add("a", "b");
      const highest = Math.max(...names().map(({ version }) => version));
      close();
      change(sql);
      open();
      expect(sentences()).toEqual([expect.stringContaining("it is not known whether all are there")]);
      add("c");
      expect(names().at(-1)?.version).toBeGreaterThan(highest);
    },
  );
});

describe("schedules in a file", () => {
  test("are there after a restart, with their versions, and a version is not used again", () => {
    open();
    add("a", "b", "c");
    const [, , third] = names();
    opened?.records.write([{ id: "c", expected: third?.version ?? 0, record: null }]);
    const before = names();
    open();
    expect(names()).toEqual(before);
    expect(opened?.isDurable).toBe(true);
    const [outcome] = opened?.records.write([{ id: "c", expected: 0, record: { dueAt: null, text: "{}" } }]) ?? [];
    expect(outcome).toEqual({ outcome: "written", version: 4 });
  });

  test("can be read by the server's user only", () => {
    open();
    add("a");
    expect([path(), `${path()}-wal`].map((it) => statSync(it).mode & 0o777)).toEqual([0o600, 0o600]);
  });

  test("belong to one process", () => {
    open();
    const script = `import { openSchedules } from "${join(import.meta.dir, "../open-store.ts")}";
      import { systemClock } from "${join(import.meta.dir, "../../lib/clock.ts")}";
      try { openSchedules(${JSON.stringify({ ...usual, dataDir: directory })}, systemClock); }
      catch (error) { console.log(error.message); }`;
    const { stdout } = Bun.spawnSync([process.execPath, "--no-env-file", "-e", script]);
    expect(stdout.toString()).toContain("another process is using it");
  });

  test("that are damaged are reported and left out, and do not affect the others", () => {
    open();
    add("a", "b", "c");
    close();
    change(`UPDATE schedules SET text = '{"id":"evil"}' WHERE id = 'b'`);
    expect(checkScheduleFile(directory)).toMatchObject({ schedules: 2, damaged: ["b"], missing: 0, broken: [] });
    open();
    expect(names().map(({ id }) => id)).toEqual(["a", "c"]);
    const [outcome] = opened?.records.write([{ id: "b", expected: 0, record: { dueAt: null, text: "{}" } }]) ?? [];
    expect(outcome).toMatchObject({ outcome: "written" });
    close();
    expect(checkScheduleFile(directory)).toMatchObject({ schedules: 3, damaged: [], missing: 0 });
  });

  test("that are missing are counted", () => {
    open();
    add("a", "b", "c");
    close();
    change("DELETE FROM schedules WHERE id <> 'a'");
    expect(checkScheduleFile(directory)).toMatchObject({ schedules: 1, missing: 2 });
    open();
    expect(names().map(({ id }) => id)).toEqual(["a"]);
  });

  test.each([
    ["another program's file", () => writeSqlite("PRAGMA application_id = 7"), "not made by Fanfare"],
    ["a newer file", () => change("PRAGMA user_version = 99"), "made by a newer version"],
    ["a file that is not a database", () => writeFileSync(path(), "x".repeat(8192)), "fanfare data check"],
    ["a file whose pages are damaged", () => damagePages(), "fanfare data check"],
  ])("%s is refused at the start, with what to do", (_, damage, expected) => {
    open();
    add(...Array.from({ length: 200 }, (_, n) => `schedule-${n}-${"x".repeat(40)}`));
    close();
    damage();
    expect(open).toThrow(expected);
  });

  test("a write is refused, and undone, when the file was replaced", () => {
    open();
    add("a");
    renameSync(path(), `${path()}.moved`);
    writeFileSync(path(), "");
    expect(() => add("b")).toThrow("deleted or replaced");
    expect(names().map(({ id }) => id)).toEqual(["a"]);
  });

  test("that are repaired are those that can be read; the old file is kept", () => {
    open();
    const ids = Array.from({ length: 200 }, (_, n) => `schedule-${n}-${"x".repeat(40)}`);
    add(...ids);
    close();
    change("UPDATE schedules SET version = 1 WHERE id < 'schedule-1'");
    change("UPDATE schedules SET text = 'x' WHERE id LIKE 'schedule-19%'");
    const damaged = checkScheduleFile(directory)?.damaged.length ?? 0;
    const { saved, keptIn } = repairScheduleFile(directory, Date.UTC(2026, 0, 1));
    expect([damaged > 0, saved, existsSync(join(keptIn, "schedules.sqlite"))]).toEqual([true, 200 - damaged, true]);
    expect(checkScheduleFile(directory)).toMatchObject({ schedules: saved, damaged: [], missing: 0 });
    open();
    expect(names().length).toBeGreaterThan(0);
  });

  test("a directory without them is not reported", () => {
    expect(checkScheduleFile(directory)).toBeUndefined();
  });
});

function writeSqlite(sql: string): void {
  rmSync(path());
  change(sql);
  change("CREATE TABLE other (a)");
}

function damagePages(): void {
  const bytes = readFileSync(path());
  bytes.fill(0xa5, 4096);
  writeFileSync(path(), bytes);
}
