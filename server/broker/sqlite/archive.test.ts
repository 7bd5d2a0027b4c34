import type { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { Draft } from "../../../protocol/publication.ts";
import { channelCost, costOf } from "../cost-of.ts";
import type { HistoryRules } from "../log.ts";
import { defaultLogLimits, type LogLimits } from "../log-limits.ts";
import { Archive } from "./archive.ts";
import { HistoryFile } from "./history-file.ts";
import { openDatabase } from "./open-database.ts";
import type { Placed } from "./thread-messages.ts";

const a = "a" as ChannelName;
const b = "b" as ChannelName;
const rules: HistoryRules = { historySize: 5, historyTtl: 60_000, historyBytes: 10_000_000 };

let directory = "";
let database: Database;
let file: HistoryFile;
let archive: Archive;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fanfare-archive-"));
  begin(0);
});

afterEach(async () => {
  archive.close(0, 0);
  await rm(directory, { recursive: true });
});

function begin(now: number, limits: Partial<LogLimits> = {}, wall = now): void {
  const opened = openDatabase(directory);
  database = opened.database;
  file = new HistoryFile(database);
  const { isNew } = opened;
  archive = new Archive({ directory, file, isNew, limits: { ...defaultLogLimits, ...limits }, now, wall });
}

/** Ends like a killed process: nothing is saved. */
function crash(now: number, limits: Partial<LogLimits> = {}): void {
  file.close();
  begin(now, limits);
}

function store(now: number, draft: Partial<Draft> = {}, its = rules): Placed | undefined {
  const entries = [{ draft: { channel: a, message: "m", ...draft }, rules: its }];
  return archive.append([{ verb: "append", entries, now, wall: now }], now)[0]?.[0];
}

const probe = (now: number) => archive.append([{ verb: "append", entries: [], now, wall: now }], now);
const sweep = (now: number) => archive.sweep(now, now);
const topOf = (channel: ChannelName, now = 0) => archive.tops([channel], now).get(channel);
const offsets = (now = 0, channel = a) =>
  archive
    .read(channel, { from: "earliest" }, { limit: 100, maxBytes: Number.MAX_SAFE_INTEGER }, now)
    .publications.map(({ offset }) => offset);
const rowsOf = (table: "publications" | "ids" | "channels") =>
  database.query<{ rows: number }, []>(`SELECT count(*) AS rows FROM ${table}`).get()?.rows;

/** Limits the file to its present pages, so that SQLite reports a full disk. */
function fillDisk(): void {
  const { page_count: pages = 0 } = database.query<Record<string, number>, []>("PRAGMA page_count").get() ?? {};
  database.run(`PRAGMA max_page_count = ${pages}`);
}

function freeDisk(): void {
  database.run("PRAGMA max_page_count = 1000000");
}

const large = { message: "x".repeat(100_000) };

describe("Archive, when the disk is full,", () => {
  test("stores nothing of a batch that does not fit, and continues without a gap once there is room", () => {
    store(0, { id: "1" });
    const epoch = topOf(a)?.epoch;
    fillDisk();
    const entries = [{ draft: { channel: a, message: "m", id: "2" }, rules }];
    const batch = [{ verb: "append", entries, now: 0, wall: 0 } as const];
    expect(() =>
      archive.append(
        [...batch, { verb: "append", entries: [{ draft: { channel: b, ...large }, rules }], now: 0, wall: 0 }],
        0,
      ),
    ).toThrow("full");
    expect([offsets(), topOf(a)?.offset]).toEqual([[1], 1]);
    freeDisk();
    probe(0);
    expect(store(0, { id: "2" })).toMatchObject({ outcome: "stored", offset: 2, epoch });
    expect(store(0, { id: "1" })).toMatchObject({ outcome: "duplicate", position: { offset: 1, epoch } });
    crash(0);
    expect([offsets(), topOf(a)]).toEqual([[1, 2], { epoch: String(epoch), offset: 2 }]);
  });

  test("a channel keeps the epoch that clients know, and gets no offset from the failed append", () => {
    const top = topOf(b);
    fillDisk();
    expect(() => store(0, { channel: b, ...large })).toThrow("full");
    expect(topOf(b)).toEqual(top);
  });

  test("refuses drafts for a second without another try, unless an empty append found that it works", () => {
    fillDisk();
    expect(() => store(0, large)).toThrow("full");
    freeDisk();
    expect(() => store(999)).toThrow("full");
    expect(store(1000)).toMatchObject({ outcome: "stored", offset: 1 });
    fillDisk();
    expect(() => store(1000, large)).toThrow("full");
    freeDisk();
    probe(1001);
    expect(store(1001)).toMatchObject({ outcome: "stored", offset: 2 });
  });
});

describe("Archive, after a crash,", () => {
  test("restores history, epoch, offset and ids", () => {
    const first = store(0, { id: "x", sender: "Alice" });
    store(1);
    const before = archive.read(a, { from: "earliest" }, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER }, 1);
    crash(2);
    expect(archive.read(a, { from: "earliest" }, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER }, 2)).toEqual(before);
    expect(store(2, { id: "x" })).toMatchObject({ outcome: "duplicate", id: "x", position: { offset: 1 } });
    expect(store(2)).toMatchObject({ outcome: "stored", offset: 3, epoch: first?.outcome === "stored" && first.epoch });
  });

  test("an id is new a millisecond after its window, as without a crash", () => {
    store(0, { id: "x" });
    crash(defaultLogLimits.idWindowMs);
    expect(store(defaultLogLimits.idWindowMs, { id: "x" })?.outcome).toBe("duplicate");
    crash(defaultLogLimits.idWindowMs + 1);
    expect(store(defaultLogLimits.idWindowMs + 1, { id: "x" })?.outcome).toBe("stored");
  });

  test("an id with a lone surrogate is still recognised", () => {
    store(0, { id: "\ud800" });
    crash(1);
    expect([store(1, { id: "\udc00" })?.outcome, store(1, { id: "\ud800" })?.outcome]).toEqual(["stored", "duplicate"]);
  });

  test("keeps no more than its rules and the bytes of all channels allow", () => {
    for (let count = 0; count < 8; count++) store(count, { channel: count % 2 ? a : b });
    crash(8);
    expect([offsets(8, a), offsets(8, b)]).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    crash(8, { totalBytes: 6 * costOf({ channel: a, message: "m" }) + 2 * channelCost(a) });
    expect([offsets(8, a), offsets(8, b)]).toEqual([
      [2, 3, 4],
      [2, 3, 4],
    ]);
    crash(60_006);
    expect([offsets(60_006, a), offsets(60_006, b)]).toEqual([[4], [4]]);
  });

  test("the numbering continues when all messages have expired, and a read reports the gap", () => {
    for (let count = 0; count < 3; count++) store(0);
    const top = topOf(a);
    while (!sweep(60_001)) {}
    expect(rowsOf("publications")).toBe(0);
    crash(60_001);
    expect(topOf(a, 60_001)).toEqual({ epoch: String(top?.epoch), offset: 3 });
    expect(
      archive.read(a, { from: "age", ms: 60_001 }, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER }, 60_001).gap,
    ).toBe("history-too-short");
    expect(store(60_001)).toMatchObject({ offset: 4 });
  });

  test("an epoch that clients know without a publication survives once a sweep has saved it", () => {
    const top = topOf(a);
    sweep(0);
    crash(0);
    expect(topOf(a)).toEqual(top);
  });
});

describe("Archive deletes from the file", () => {
  test("dropped publications, a slice at a time, and nothing else", () => {
    const entry = { draft: { channel: a, message: "m" }, rules: { ...rules, historySize: 2 } };
    archive.append([{ verb: "append", entries: Array.from({ length: 2500 }, () => entry), now: 0, wall: 0 }], 0);
    let sweeps = 1;
    while (!sweep(0)) sweeps++;
    expect([rowsOf("publications"), sweeps, offsets()]).toEqual([2, 3, [2499, 2500]]);
  });

  test("ids whose window is over, and no others", () => {
    for (let count = 0; count < 10; count++) store(count, { id: `${count}` });
    sweep(defaultLogLimits.idWindowMs + 5);
    expect(rowsOf("ids")).toBe(5);
  });

  test("more ids than fit a slice, slice by slice", () => {
    const entries = Array.from({ length: 2500 }, (_, id) => ({
      draft: { channel: a, message: "m", id: `${id}` },
      rules,
    }));
    archive.append([{ verb: "append", entries, now: 0, wall: 0 }], 0);
    while (!sweep(defaultLogLimits.idWindowMs)) {}
    expect(rowsOf("ids")).toBe(2500);
    while (!sweep(defaultLogLimits.idWindowMs + 1)) {}
    expect([rowsOf("ids"), rowsOf("publications")]).toEqual([0, 0]);
  });

  test("forgotten channels; one that is used again has a new epoch, even after a crash", () => {
    crash(0, { forgetMs: 100 });
    store(0, {}, { ...rules, historySize: 0 });
    const old = topOf(a);
    while (!sweep(101)) {}
    expect(rowsOf("channels")).toBe(0);
    store(101, {}, { ...rules, historySize: 3 });
    const renewed = topOf(a, 101);
    expect([renewed?.offset, renewed?.epoch === old?.epoch]).toEqual([1, false]);
    crash(101);
    expect([topOf(a, 101), offsets(101)]).toEqual([renewed, [1]]);
  });

  test("a channel that is forgotten before it was written is not written afterwards, so its name can be used again", () => {
    crash(0, { forgetMs: 100 });
    const old = topOf(a); // gives out an epoch, which the next sweep would write
    while (!sweep(101)) {}
    expect([old?.offset, rowsOf("channels")]).toEqual([0, 0]);
    store(101);
    crash(101);
    expect([offsets(101), rowsOf("channels")]).toEqual([[1], 1]);
  });

  test("a forgotten channel does not come back while its messages are deleted, although its name is used again", () => {
    const c = "c" as ChannelName;
    crash(0, { maxChannels: 2, minIdleMs: 100 });
    for (const channel of [a, b]) store(0, { channel });
    for (const channel of [a, b]) expect(offsets(60_001, channel)).toEqual([]);
    for (const channel of [c, a]) expect(store(60_200, { channel })).toMatchObject({ outcome: "stored", offset: 1 });
    while (!sweep(60_200)) {}
    crash(60_200);
    expect([offsets(60_200), offsets(60_200, c), rowsOf("channels")]).toEqual([[1], [1], 2]);
  });

  test("a channel's number is not reused while rows of it are left", () => {
    store(0);
    database.run("DELETE FROM channels");
    crash(0);
    store(0, { channel: b });
    crash(0);
    expect([offsets(0, b), offsets(0, a)]).toEqual([[1], []]);
  });
});

describe("Archive, when the file is damaged,", () => {
  const notes = () => archive.takeNotes().join("\n");

  test("treats a damaged body as a gap, and reports it once", () => {
    for (let count = 0; count < 5; count++) store(0, { message: `${count}` });
    const epoch = String(topOf(a)?.epoch);
    database.run("UPDATE publications SET body = replace(body, '2', '9') WHERE offset IN (3)");
    const read = (offset: number) =>
      archive.read(
        a,
        { from: "position", position: { epoch, offset } },
        { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER },
        0,
      );
    expect(read(0)).toMatchObject({ gap: undefined, publications: [{ offset: 1 }, { offset: 2 }] });
    expect(read(2)).toMatchObject({ gap: "history-too-short", publications: [{ offset: 4 }, { offset: 5 }] });
    const last = archive.read(a, { from: "last", count: 5 }, { limit: 10, maxBytes: Number.MAX_SAFE_INTEGER }, 0);
    expect(last).toMatchObject({ gap: "history-too-short", publications: [{ offset: 4 }, { offset: 5 }] });
    expect(notes()).toBe(`DATA_DIR ${directory}: message 3 of channel a is damaged, and left out as a gap`);
    read(2);
    expect(notes()).toBe("");
  });

  test("a completely damaged page does not hide the publications after it", () => {
    for (let count = 0; count < 5; count++) store(0);
    const epoch = String(topOf(a)?.epoch);
    database.run("UPDATE publications SET body = 'x' WHERE offset <= 3");
    const read = archive.read(
      a,
      { from: "position", position: { epoch, offset: 0 } },
      { limit: 1, maxBytes: Number.MAX_SAFE_INTEGER },
      0,
    );
    expect(read).toMatchObject({ gap: "history-too-short", publications: [{ offset: 4 }] });
  });

  test.each([
    ["in the middle", "WHERE offset = 2", [1, 3]],
    ["at the beginning", "WHERE offset = 1", [2, 3]],
  ])("a publication %s whose place is damaged is a gap, and the channel keeps its epoch", (_, where, left) => {
    for (let count = 0; count < 3; count++) store(0);
    const top = topOf(a);
    database.run(`UPDATE publications SET offset = offset + 40 ${where}`);
    crash(0);
    expect(topOf(a)).toEqual(top);
    expect(notes()).toContain("1 damaged or missing messages are left out");
    const epoch = String(top?.epoch);
    const found = [0, 1, 2].flatMap((offset) =>
      archive
        .read(a, { from: "position", position: { epoch, offset } }, { limit: 1, maxBytes: Number.MAX_SAFE_INTEGER }, 0)
        .publications.map((it) => it.offset),
    );
    expect([...new Set(found)]).toEqual(left);
    crash(0);
    expect(topOf(a)).toEqual({ epoch, offset: 3 });
  });

  test.each([
    ["the place of the last publication is damaged", "UPDATE publications SET offset = 9 WHERE offset = 3"],
    ["the last publication is missing", "DELETE FROM publications WHERE offset = 3"],
    ["all publications are missing", "DELETE FROM publications"],
    ["the state of the file is damaged", "UPDATE life SET deleted = deleted + 1"],
    ["the state of the file is missing", "DELETE FROM life"],
  ])("begins a new epoch where %s, since its number could be given again", (_, damage) => {
    for (let count = 0; count < 3; count++) store(0, { id: `${count}` });
    const before = topOf(a);
    database.run(damage);
    crash(0);
    expect(topOf(a)?.epoch).not.toBe(before?.epoch);
    expect(notes()).toContain("all channels start new epochs");
    const after = topOf(a);
    crash(0);
    expect([notes(), topOf(a)]).toEqual(["", after]);
    expect(store(0)).toMatchObject({
      outcome: "stored",
      epoch: String(after?.epoch),
      offset: Number(after?.offset) + 1,
    });
  });

  test("a damaged channel begins a new epoch, and the others keep theirs", () => {
    store(0);
    store(0, { channel: b });
    const [ofA, ofB] = [topOf(a), topOf(b)];
    database.run("UPDATE channels SET top = 77 WHERE name = 'a'");
    crash(0);
    expect(topOf(a)?.epoch).not.toBe(ofA?.epoch);
    expect(topOf(b)).toEqual(ofB);
    expect(notes()).toContain("1 damaged channels");
  });

  test("a damaged id is left out", () => {
    store(0, { id: "x" });
    store(0, { id: "y" });
    database.run("UPDATE ids SET offset = 5 WHERE row = 1");
    crash(0);
    expect(notes()).toContain("1 damaged ids");
    expect([store(0, { id: "x" })?.outcome, store(0, { id: "y" })?.outcome]).toEqual(["stored", "duplicate"]);
  });

  test("refuses two channels with the same name", () => {
    store(0);
    const rules = { historySize: 1, historyTtl: 1, historyBytes: 1 };
    const reach = { epoch: "e", top: 0, droppedUntil: null, droppedThrough: 0 };
    file.saveChannel({ number: 99, name: "a", ...reach, ...rules });
    expect(() => crash(0)).toThrow("two channels");
    database.run("DELETE FROM publications; DELETE FROM channels");
    crash(0);
  });
});

describe("Archive, when a bug fails a transaction,", () => {
  test("rolls it back completely, because SQLite does not do so by itself", () => {
    store(0);
    const bug = { draft: { channel: a, message: "m", data: 1n as never }, rules };
    const entries = [{ draft: { channel: a, message: "never" }, rules }, bug];
    expect(() => archive.append([{ verb: "append", entries, now: 0, wall: 0 }], 0)).toThrow("BigInt");
    expect(database.inTransaction).toBe(false);
    probe(0);
    expect(store(0)).toMatchObject({ outcome: "stored", offset: 2 });
    crash(0);
    expect(offsets()).toEqual([1, 2]);
  });
});

describe("Archive, with restarts and changes of the wall clock,", () => {
  test("measures the time between two runs by the wall clock, and the time within a run without it", () => {
    store(1000, { id: "x" }); // at 1000 of both clocks
    archive.close(1000, 50_000_000); // the wall clock was set forward in the meantime
    begin(0, {}, 50_001_000);
    expect(offsets(0)).toEqual([1]);
    expect(store(0, { id: "x" })?.outcome).toBe("duplicate");
    expect(offsets(59_001)).toEqual([]);
  });

  test("a wall clock that went back between two runs does not expire anything early or late", () => {
    store(1000);
    archive.close(1000, 1000);
    begin(0, {}, -80_000_000);
    expect(offsets(60_000)).toEqual([1]);
    expect(archive.summary(a, 60_000)?.messages).toBe(1);
    expect(archive.summary(a, 60_001)?.messages).toBe(0);
    expect(offsets(60_001)).toEqual([]);
  });
});
