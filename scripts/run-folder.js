import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * The path of a Unix socket may have 107 bytes. Tests and servers under test create sockets in folders inside this folder,
 * which takes up to 60 bytes.
 */
const maxPathBytes = 45;
/** A process that was just killed needs some time to exit. */
const defaultGraceMs = 3000;
const pollMs = 50;

/**
 * A new folder for everything that one test run writes. It is the TMPDIR of each test process and of the processes that
 * tests start, so everything that they leave behind can be found.
 */
export class RunFolder {
  /** @type {string} */
  path;

  /** @throws {Error} if none of the places is writable and has a short path */
  constructor(places = usualPlaces()) {
    this.path = makeFolder(places);
  }

  /**
   * Waits briefly for processes that are exiting, kills the others, and removes the folder.
   *
   * @returns {Promise<readonly string[]>} what the tests left behind: one line per file, folder or process
   */
  async close(graceMs = defaultGraceMs) {
    const until = performance.now() + graceMs;
    while (this.#processes().length > 0 && performance.now() < until) await new Promise((go) => setTimeout(go, pollMs));
    const left = this.#processes().map(({ pid, command }) => {
      kill(pid);
      return `process ${pid}: ${command}`;
    });
    const files = readdirSync(this.path).filter((it) => !isOfTheRuntime(it));
    rmSync(this.path, { recursive: true, force: true, maxRetries: 5 });
    return [...left, ...files.map((it) => `in TMPDIR: ${it}`)];
  }

  /** The running processes whose TMPDIR is this folder or a folder in it. Linux only. */
  #processes() {
    return pids().flatMap((pid) => {
      const environment = `\0${textOf(`/proc/${pid}/environ`)}`;
      const isOurs = environment.includes(`\0TMPDIR=${this.path}\0`) || environment.includes(`\0TMPDIR=${this.path}/`);
      // A zombie has an empty command line. It has exited, and its parent has not read the exit code yet.
      const command = isOurs ? textOf(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim() : "";
      return command === "" ? [] : [{ pid, command: command.slice(0, 200) }];
    });
  }
}

/** Where the folder of a run may be, in the order of preference. */
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
    `Found no folder for temporary files. Set TMPDIR to a writable folder with a short path.\n${failures.join("\n")}`,
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
    return ""; // The process has exited, or belongs to another user.
  }
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has exited in the meantime.
  }
}

/** Whether Bun, Chromium or the compiler created this file for its own use. @param {string} name */
function isOfTheRuntime(name) {
  return /^(bun-|\.org\.chromium\.|org\.chromium\.|playwright)/.test(name);
}
