import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * A Unix socket's path holds 107 bytes. Tests make folders with sockets in this folder, and servers under test put
 * theirs in a folder of a test's own: that takes up to 60.
 */
const maxPathBytes = 45;
/** A process that was just killed takes a moment to disappear. */
const patienceMs = 3000;
const lookMs = 50;

/**
 * A folder of its own for everything that one test run writes. Each test process has it as TMPDIR and passes it on to
 * what it starts, so that what is left afterwards can be found.
 */
export class RunFolder {
  /** @type {string} */
  path;

  /** @throws {Error} where no place for it can be written to */
  constructor(places = usualPlaces()) {
    this.path = makeFolder(places);
  }

  /**
   * Waits a moment for what is ending, kills what still runs, and removes everything.
   *
   * @returns {Promise<readonly string[]>} what tests left behind: one line per file, folder or process
   */
  async close(graceMs = patienceMs) {
    const until = performance.now() + graceMs;
    while (this.#processes().length > 0 && performance.now() < until) await new Promise((go) => setTimeout(go, lookMs));
    const left = this.#processes().map(({ pid, command }) => {
      kill(pid);
      return `process ${pid}: ${command}`;
    });
    const files = readdirSync(this.path).filter((it) => !isOfTheRuntime(it));
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
    return [...left, ...files.map((it) => `in TMPDIR: ${it}`)];
  }

  /** Running processes whose TMPDIR is this folder or a folder in it. Linux only. */
  #processes() {
    return pids().flatMap((pid) => {
      const environment = `\0${textOf(`/proc/${pid}/environ`)}`;
      const isOurs = environment.includes(`\0TMPDIR=${this.path}\0`) || environment.includes(`\0TMPDIR=${this.path}/`);
      // A zombie has no command line any more, and waits only for its parent to read its exit code.
      const command = isOurs ? textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() : "";
      return command === "" ? [] : [{ pid, command: command.slice(0, 200) }];
    });
  }
}

/** Where a run's folder may be, in the order in which they are tried. */
function usualPlaces() {
  return [tmpdir(), "/tmp", "/var/tmp", "/dev/shm", resolve("node_modules/.cache")];
}

/** @param {readonly string[]} places */
function makeFolder(places) {
  const failures = [];
  for (const place of places) {
    try {
      if (Buffer.byteLength(place) + "/ff-123456".length > maxPathBytes) throw new Error("its path is too long");
      if (place.endsWith(".cache")) mkdirSync(place, { recursive: true });
      return mkdtempSync(join(place, "ff-"));
    } catch (error) {
      failures.push(`${place}: ${error instanceof Error ? error.message : error}`);
    }
  }
  throw new Error(
    `There is no place for temporary files. Set TMPDIR to a folder with a short path.\n${failures.join("\n")}`,
  );
}

/** @returns {readonly number[]} */
function pids() {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((it) => it > 0 && it !== process.pid);
  } catch {
    return []; // not Linux
  }
}

/** @param {string} path */
function textOf(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended, or belongs to somebody else
  }
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in the meantime.
  }
}

/** What Bun, Chromium and the compiler keep in TMPDIR for their own use. @param {string} name */
function isOfTheRuntime(name) {
  return /^(bun-|\.org\.chromium\.|org\.chromium\.|playwright)/.test(name);
}
