import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { HistoryRules } from "../log.ts";
import { defaultLogLimits } from "../log-limits.ts";
import type { Archive } from "./archive.ts";
import { openHistory } from "./open-history.ts";

const a = "a" as ChannelName;
const rules: HistoryRules = { historySize: 100, historyTtl: 60_000, historyBytes: 10_000_000 };

let parent = "";
let directory = "";
let archive: Archive | undefined;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "fanfare-history-"));
  directory = join(parent, "data");
});

afterEach(() => {
  stop();
  rmSync(parent, { recursive: true });
});

function start(now = 0): Archive {
  archive = openHistory(directory, defaultLogLimits, { now, wall: now });
  return archive;
}

function stop(now = 0): void {
  archive?.close(now, now);
  archive = undefined;
}

function store(to: Archive, id: string, now = 0) {
  const entries = [{ draft: { channel: a, message: id, id }, rules }];
  return to.append([{ verb: "append", entries, now, wall: now }], now)[0]?.[0];
}

const topOf = (it: Archive, now = 0) => it.tops([a], now).get(a);
const messagesOf = (it: Archive, now = 0) =>
  it
    .read(a, { from: "earliest" }, { limit: 100, maxBytes: Number.MAX_SAFE_INTEGER }, now)
    .publications.map(({ body }) => JSON.parse(body).message);
const witnesses = () => readdirSync(directory).filter((name) => name.startsWith("history.witness"));

/** Stores three messages and takes a copy after the second; the third has a number that is not in the copy. */
function copyAndGoOn(copy: string, isRunning: boolean): string | undefined {
  store(start(), "1");
  stop();
  const first = start();
  store(first, "2");
  if (!isRunning) stop();
  cpSync(directory, copy, { recursive: true, preserveTimestamps: true });
  const second = isRunning ? first : start();
  store(second, "3");
  second.sweep(0, 0);
  const epoch = topOf(second)?.epoch;
  stop();
  return epoch;
}

describe("a history restored from a copy begins new epochs, and keeps its messages:", () => {
  const ways: [string, (copy: string) => void][] = [
    [
      "the copy in the place of the directory",
      (copy) => {
        rmSync(directory, { recursive: true });
        cpSync(copy, directory, { recursive: true, preserveTimestamps: true });
      },
    ],
    ["the copy over the files that are there", (copy) => cpSync(copy, directory, { recursive: true })],
    [
      "the copy into the files that are there, as cp does",
      (copy) => {
        for (const name of readdirSync(copy)) writeFileSync(join(directory, name), readFileSync(join(copy, name)));
      },
    ],
    [
      "the database alone, over the one that is there",
      (copy) => {
        rmSync(join(directory, "history.sqlite-wal"), { force: true });
        cpSync(join(copy, "history.sqlite"), join(directory, "history.sqlite"));
      },
    ],
    [
      "the database alone, into an empty directory",
      (copy) => {
        for (const name of readdirSync(directory)) rmSync(join(directory, name));
        cpSync(join(copy, "history.sqlite"), join(directory, "history.sqlite"));
      },
    ],
  ];
  test.each(ways.flatMap(([name, putBack]) => [false, true].map((isRunning) => [name, isRunning, putBack] as const)))(
    "%s (copied while it ran: %p)",
    (_, isRunning, putBack) => {
      const copy = join(parent, "copy");
      const epoch = copyAndGoOn(copy, isRunning);
      putBack(copy);
      const restored = start();
      expect(topOf(restored)?.epoch).not.toBe(epoch);
      expect(restored.takeNotes().join()).toContain("all channels start new epochs");
      // A copy of the database that is taken while the server runs lacks the data that is only in the write-ahead log.
      expect(["1,2", "1"]).toContain(messagesOf(restored).join());
      const top = topOf(restored);
      stop();
      expect(topOf(start())).toEqual(top);
    },
  );
});

describe("a history keeps its epochs", () => {
  test("after a stop, a directory that was renamed, and new permissions of all files", () => {
    const first = start();
    store(first, "1");
    const top = topOf(first);
    stop();
    renameSync(directory, join(parent, "elsewhere"));
    directory = join(parent, "elsewhere");
    for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o640);
    const second = start();
    expect([topOf(second), second.takeNotes()]).toEqual([top, []]);
  });

  test("after a start that was interrupted", () => {
    const first = start();
    store(first, "1");
    const top = topOf(first);
    stop();
    const before = witnesses();
    // Its witness still has the temporary name, and that of the previous run is still there.
    const [old = ""] = before;
    cpSync(join(directory, old), join(parent, "old"));
    start();
    stop();
    renameSync(join(directory, witnesses()[0] ?? ""), join(directory, "history.witness-new"));
    cpSync(join(parent, "old"), join(directory, old));
    const second = start();
    expect([topOf(second), second.takeNotes(), witnesses().length]).toEqual([top, [], 1]);
  });
});

test("only the owner can access the files and the directory", () => {
  const umask = process.umask(0);
  store(start(), "1");
  process.umask(umask);
  const modes = [".", ...readdirSync(directory)].map((name) => [name, statSync(join(directory, name)).mode & 0o777]);
  expect(modes).toHaveLength(4);
  expect(modes.filter(([name, mode]) => mode !== (name === "." ? 0o700 : 0o600))).toEqual([]);
});

describe("while it is open, storing is refused", () => {
  test.each([
    ["the directory is removed", () => rmSync(directory, { recursive: true })],
    ["the directory is renamed", () => renameSync(directory, join(parent, "elsewhere"))],
    ["the write-ahead log is removed", () => rmSync(join(directory, "history.sqlite-wal"))],
    ["the database is removed", () => rmSync(join(directory, "history.sqlite"))],
    ["the database is replaced", () => replace(join(directory, "history.sqlite"))],
    ["the witness is removed", () => rmSync(join(directory, witnesses()[0] ?? ""))],
  ])("when %s", (_, damage) => {
    const running = start();
    store(running, "1");
    damage();
    const gone = "its files were deleted or replaced while the server was running";
    expect(() => store(running, "2")).toThrow(gone);
    expect(() => running.append([{ verb: "append", entries: [], now: 2000, wall: 2000 }], 2000)).toThrow(gone);
    expect(() => store(running, "2", 4000)).toThrow(gone);
    expect(messagesOf(running)).toContain("1");
  });

  test("until the directory is back in its place", () => {
    const running = start();
    store(running, "1");
    renameSync(directory, join(parent, "elsewhere"));
    expect(() => store(running, "2")).toThrow();
    renameSync(join(parent, "elsewhere"), directory);
    running.append([{ verb: "append", entries: [], now: 0, wall: 0 }], 0);
    expect(store(running, "3")?.outcome).toBe("stored");
  });
});

function replace(path: string): void {
  cpSync(path, `${path}.copy`);
  renameSync(`${path}.copy`, path);
}

describe("a history of version 1", () => {
  test("is upgraded: messages, epochs, numbers and ids are kept", () => {
    makeVersionOne();
    const upgraded = start(2000);
    expect(messagesOf(upgraded, 2000)).toEqual(["two", "three"]);
    expect(topOf(upgraded, 2000)).toEqual({ epoch: "old", offset: 3 });
    expect(upgraded.takeNotes()).toEqual([]);
    expect(store(upgraded, "x", 2000)).toMatchObject({ outcome: "duplicate", position: { epoch: "old", offset: 3 } });
    expect(store(upgraded, "4", 2000)).toMatchObject({ outcome: "stored", epoch: "old", offset: 4 });
    expect(upgraded.tops(["quiet" as ChannelName], 2000).get("quiet" as ChannelName)).toEqual({
      epoch: "e",
      offset: 7,
    });
    stop(2000);
    const again = start(3000);
    expect([messagesOf(again, 3000), again.takeNotes()]).toEqual([["two", "three", "4"], []]);
    expect(readdirSync(directory).filter((name) => name.includes("new"))).toEqual([]);
  });

  test("is upgraded again if the first upgrade was interrupted", () => {
    makeVersionOne();
    cpSync(join(directory, "history.sqlite"), join(directory, "history.sqlite.new"));
    expect(messagesOf(start(2000), 2000)).toEqual(["two", "three"]);
  });
});

function makeVersionOne(): void {
  stop();
  start();
  stop();
  for (const name of readdirSync(directory)) rmSync(join(directory, name));
  const old = new Database(join(directory, "history.sqlite"));
  old.run(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE channels (
      number INTEGER PRIMARY KEY, name TEXT NOT NULL, epoch TEXT NOT NULL, top INTEGER NOT NULL, dropped_until INTEGER,
      history_size INTEGER NOT NULL, history_ttl INTEGER NOT NULL, history_bytes INTEGER NOT NULL
    );
    CREATE TABLE publications (
      row INTEGER PRIMARY KEY, channel INTEGER NOT NULL, offset INTEGER NOT NULL, stored_at INTEGER NOT NULL,
      size INTEGER NOT NULL, body TEXT NOT NULL
    );
    CREATE TABLE ids (
      row INTEGER PRIMARY KEY, channel TEXT NOT NULL, id TEXT NOT NULL, epoch TEXT NOT NULL, offset INTEGER NOT NULL,
      stored_at INTEGER NOT NULL
    );
    CREATE TABLE life (touched_at INTEGER NOT NULL);
    INSERT INTO life VALUES (0);
    INSERT INTO channels VALUES (1, 'a', 'old', 0, 5, 100, 60000, 1000000), (2, 'quiet', 'e', 7, 5, 100, 60000, 1000000);
    INSERT INTO publications VALUES (2, 1, 2, 1000, 203, '{"message":"two","id":"w"}');
    INSERT INTO publications VALUES (3, 1, 3, 1500, 205, '{"message":"three","id":"x"}');
    INSERT INTO ids VALUES (3, 'a', '"x"', 'old', 3, 1500);
    PRAGMA application_id = ${0x46414e46};
    PRAGMA user_version = 1;
  `);
  old.close();
}
