import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ChannelName } from "../../../protocol/channel-name.ts";
import type { ServiceError } from "../../../protocol/errors.ts";
import { testIf } from "../../../tests/test-if.ts";
import { eventually } from "../../../tests/waiting.ts";
import { MovedClock } from "../../lib/moved-clock.ts";
import { UnusableStorage } from "../../lib/unusable-storage.ts";
import type { HistoryRules } from "../log.ts";
import { HistoryThread } from "./history-thread.ts";
import { SqliteLog } from "./log.ts";
import type { Answer, Request } from "./thread-messages.ts";

const a = "a" as ChannelName;
const rules: HistoryRules = { historySize: 1000, historyTtl: 60_000, historyBytes: 1_000_000 };

let directory = "";
let path = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "fanfare-log-"));
  path = join(directory, "history.sqlite");
});

afterEach(() => rm(directory, { recursive: true }));

async function openFailure(at = directory): Promise<unknown> {
  const log = new SqliteLog({ directory: at });
  const [opened] = await Promise.allSettled([log.open()]);
  await log.close();
  return opened.status === "rejected" ? opened.reason : undefined;
}

async function stored(): Promise<SqliteLog> {
  const log = new SqliteLog({ directory });
  await log.open();
  const entry = { draft: { channel: a, message: "m".repeat(2000), id: "x" }, rules };
  await log.append([
    entry,
    ...Array.from({ length: 50 }, () => ({ ...entry, draft: { ...entry.draft, id: crypto.randomUUID() } })),
  ]);
  return log;
}

describe("SqliteLog does not open, and says what to do,", () => {
  const faults: [string, () => Promise<string | undefined>, string][] = [
    [
      "when the file is not an SQLite file",
      () => then(writeFile(path, "x".repeat(5000))),
      "is damaged: run `fanfare data check`",
    ],
    ["when the file is cut in two", () => then(cutInTwo()), "is damaged: run `fanfare data check`"],
    [
      "when the file belongs to another program",
      () => then(run("CREATE TABLE t (a)")),
      "was not made by Fanfare: choose another",
    ],
    [
      "when the file is of another version",
      async () => {
        await (await stored()).close();
        return then(run("PRAGMA user_version = 99"));
      },
      "was made by a newer version of Fanfare: start that version",
    ],
    ["when a directory has the file's name", () => then(mkdir(path)), "it cannot be written: make it writable"],
    ["when the directory cannot be created", () => inFile(), "is not a directory"],
  ];
  test.each(faults)("%s", async (_, prepare, message) => {
    const at = (await prepare()) ?? directory;
    const failure = await openFailure(at);
    expect(failure).toBeInstanceOf(UnusableStorage);
    expect(String(failure)).toStartWith(`UnusableStorage: DATA_DIR ${at}: `);
    expect(String(failure)).toContain(message);
  });

  testIf(process.getuid?.() !== 0, "root ignores file permissions")("when the file is read-only", async () => {
    await (await stored()).close();
    await chmod(path, 0o444);
    expect(String(await openFailure())).toContain("it cannot be written: make it writable");
  });

  test("while another log uses the directory, and opens once that one is closed", async () => {
    const log = await stored();
    expect(String(await openFailure())).toContain("another process is using it: each server needs its own directory");
    await log.close();
    expect(await openFailure()).toBeUndefined();
  });
});

describe("SqliteLog", () => {
  test("keeps everything over a close and a reopen", async () => {
    const first = await stored();
    const history = await first.read(a, { from: "earliest" }, { limit: 100, maxBytes: Number.MAX_SAFE_INTEGER });
    await first.close();
    const second = await stored();
    expect(history.publications).toHaveLength(51);
    expect(await second.read(a, { from: "earliest" }, { limit: 51, maxBytes: Number.MAX_SAFE_INTEGER })).toEqual({
      ...history,
      top: { ...history.top, offset: 101 },
    });
    await second.close();
  });

  test("appends of one turn each get their own answer", async () => {
    const log = await stored();
    const appends = [["1", "2"], [], ["3"]].map((ids) =>
      log.append(ids.map((id) => ({ draft: { channel: a, message: "m", id }, rules }))),
    );
    const offsets = (await Promise.all(appends)).map((all) =>
      all.map((it) => it.outcome === "stored" && it.publication.offset),
    );
    expect(offsets).toEqual([[52, 53], [], [54]]);
    await log.close();
  });

  test("a draft that cannot be sent to the thread is refused, and later ones are stored", async () => {
    const log = await stored();
    const draft = { channel: a, message: "m", bug: () => {} };
    const [bad] = await Promise.allSettled([log.append([{ draft, rules }])]);
    expect(bad).toMatchObject({ status: "rejected", reason: { code: "broker-unavailable" } });
    const [good] = await log.append([{ draft: { channel: a, message: "m" }, rules }]);
    expect(good).toMatchObject({ outcome: "stored", publication: { offset: 52 } });
    await log.close();
  });

  test("refuses while its disk does not respond, and continues with the same epoch and ids afterwards", async () => {
    const clock = new MovedClock();
    const log = new SqliteLog({ directory, makeThread: (onNote) => new HistoryThread(onNote, clock) });
    await log.open();
    const store = async (id: string) => (await log.append([{ draft: { channel: a, message: "m", id }, rules }]))[0];
    expect(await store("1")).toMatchObject({ outcome: "stored", publication: { offset: 1 } });
    const asked = [store("2"), log.tops([a])];
    await Promise.resolve();
    clock.move(10_000);
    for (const settled of await Promise.allSettled(asked)) {
      const { code, message, cause } = (settled.status === "rejected" && settled.reason) as ServiceError;
      expect([code, message]).toEqual(["broker-unavailable", expect.stringContaining("its disk does not respond")]);
      expect(cause).toBeInstanceOf(UnusableStorage);
      expect(String(cause)).toContain(directory);
    }
    await eventually(async () => {
      expect(await store("3")).toMatchObject({ outcome: "stored", publication: { offset: 3 } });
    });
    expect(await store("2")).toMatchObject({ outcome: "duplicate", position: { offset: 2 } });
    await log.close();
  });

  test("replaces a thread that ended, at most once per second, and continues where it left off", async () => {
    const clock = new MovedClock();
    const threads: HistoryThread[] = [];
    const makeThread = (onNote: (note: string) => void) => {
      const thread = new HistoryThread(onNote);
      threads.push(thread);
      return thread;
    };
    const log = new SqliteLog({ directory, clock, makeThread });
    await log.open();
    const store = async (id: string) => (await log.append([{ draft: { channel: a, message: "m", id }, rules }]))[0];
    const first = await store("1");
    await threads[0]?.end();
    const [refused] = await Promise.allSettled([store("2")]);
    expect(refused).toMatchObject({ status: "rejected", reason: { code: "broker-unavailable" } });
    clock.move(1000);
    const [again, second, third] = await Promise.all([store("1"), store("2"), store("3")]);
    expect(again).toMatchObject({ outcome: "duplicate", position: { offset: 1 } });
    const epoch = first?.outcome === "stored" ? first.publication.epoch : "";
    expect(second).toMatchObject({ outcome: "stored", publication: { offset: 2, epoch } });
    expect(third).toMatchObject({ outcome: "stored", publication: { offset: 3, epoch } });
    expect(threads).toHaveLength(2);
    await log.close();
    await threads[1]?.end();
    clock.move(1000);
    const [closed] = await Promise.allSettled([store("4")]);
    expect([closed.status, threads.length]).toEqual(["rejected", 2]);
  });

  test("does not keep an idle process alive", async () => {
    const script = `
      import { MovedClock } from "../../lib/moved-clock.ts";
import { UnusableStorage } from "../../lib/unusable-storage.ts";
import { SqliteLog } from "./log.ts";
import type { Answer, Request } from "./thread-messages.ts";
      const log = new SqliteLog({ directory: process.argv[1] });
      await log.open();
      const rules = { historySize: 5, historyTtl: 60000, historyBytes: 100000 };
      log.append([{ draft: { channel: "a", message: "m" }, rules }]).then(([it]) => console.log(it.outcome));
    `;
    const child = Bun.spawn([process.execPath, "-e", script, directory], { cwd: import.meta.dir, stdout: "pipe" });
    expect([await child.stdout.text(), await child.exited]).toEqual(["stored\n", 0]);
  });

  test("refuses everything once it is closed, as not known to be stored", async () => {
    const log = await stored();
    await log.close();
    const calls = [log.append([{ draft: { channel: a, message: "m" }, rules }]), log.tops([a]), log.list("", "", 1)];
    for (const settled of await Promise.allSettled(calls)) {
      expect(settled).toMatchObject({ status: "rejected", reason: { code: "broker-unavailable" } });
    }
  });
});

/** Waits for the preparation of the usual directory. */
async function then(prepared: unknown): Promise<undefined> {
  await prepared;
}

function run(statement: string): void {
  const database = new Database(path);
  database.run(statement);
  database.close();
}

async function cutInTwo(): Promise<void> {
  await (await stored()).close();
  const bytes = await Bun.file(path).bytes();
  await writeFile(path, bytes.slice(0, bytes.length / 2));
}

async function inFile(): Promise<string> {
  await writeFile(path, "");
  return join(path, "data");
}

test("a sweep that could not do everything is followed by others", async () => {
  let sweeps = 0;
  class BusyThread extends HistoryThread {
    override async ask(request: Request): Promise<Answer> {
      const answer = await super.ask(request);
      return request.verb === "sweep" && ++sweeps < 3 ? { verb: "done", isDone: false } : answer;
    }
  }
  const clock = new MovedClock();
  const log = new SqliteLog({ directory, clock, makeThread: (onNote) => new BusyThread(onNote) });
  await log.open();
  await eventually(() => {
    clock.move(1000);
    expect(sweeps).toBeGreaterThan(5);
  });
  await log.close();
});
