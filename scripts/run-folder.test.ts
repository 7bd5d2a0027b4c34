import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { until } from "../tests/waiting.ts";
import { RunFolder } from "./run-folder.js";

const made: string[] = [];
afterEach(() => {
  for (const it of made.splice(0)) rmSync(it, { recursive: true, force: true });
});

/** Makes a place for run folders, with a short path. */
function makePlace(): string {
  const place = mkdtempSync(join(process.platform === "linux" ? "/dev/shm" : tmpdir(), "p-"));
  made.push(place);
  return place;
}

describe("the folder of a test run", () => {
  test("is removed afterwards, and nothing is reported if nothing was left behind", async () => {
    const folder = new RunFolder([makePlace()]);
    expect(existsSync(folder.path)).toBe(true);
    expect(await folder.close()).toEqual([]);
    expect(existsSync(folder.path)).toBe(false);
  });

  test("reports files and folders that tests left behind, and removes them", async () => {
    const folder = new RunFolder([makePlace()]);
    writeFileSync(join(folder.path, "a-file"), "");
    mkdirSync(join(folder.path, "b-folder"));
    expect((await folder.close()).toSorted()).toEqual(["in TMPDIR: a-file", "in TMPDIR: b-folder"]);
    expect(existsSync(folder.path)).toBe(false);
  });

  test.each(["running", "stopped"])("reports a process that is left %s, and kills it", async (how) => {
    const folder = new RunFolder([makePlace()]);
    const env = { PATH: process.env.PATH ?? "", TMPDIR: join(folder.path, "of-a-test") };
    const child = Bun.spawn(["sleep", "1000"], { env });
    // A process that is stopped before it executes the program still has the environment of this process.
    await until(() => readFileSync(`/proc/${child.pid}/cmdline`, "latin1").startsWith("sleep"), "the program runs");
    if (how === "stopped") child.kill("SIGSTOP");
    expect(await folder.close(0)).toEqual([`process ${child.pid}: sleep 1000`]);
    await child.exited;
    expect(child.signalCode).toBe("SIGKILL");
  });

  test("leaves the processes of others alone", async () => {
    const folder = new RunFolder([makePlace()]);
    await using other = Bun.spawn(["sleep", "1000"], {
      env: { TMPDIR: `${folder.path}-other` },
      killSignal: "SIGKILL",
    });
    expect(await folder.close(0)).toEqual([]);
    expect(other.exitCode).toBeNull();
  });

  test("is in the next place if one is not writable, or its path is too long for sockets", async () => {
    const place = makePlace();
    const long = join(place, "a".repeat(60));
    mkdirSync(long);
    const folder = new RunFolder(["/dev/null", long, place]);
    expect(dirname(folder.path)).toBe(place);
    await folder.close();
    expect(() => new RunFolder(["/dev/null", long])).toThrow("Set TMPDIR to a writable folder with a short path.");
  });
});
