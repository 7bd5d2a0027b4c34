import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { delimiter, dirname, join } from "node:path";

/** The oldest version of Bun that the server supports. package.json installs this one or a later one. */
export const oldestBun = "1.4.4";

const require = createRequire(import.meta.url);

/**
 * Finds a Bun that can run the server: the current process, the one npm installed for this platform, or one on the PATH.
 *
 * None of them needs an install script. Newer npm versions block install scripts, so the package `bun` may contain only a
 * stub of a few hundred bytes, while the platform package it would copy from is complete.
 *
 * @returns {string | undefined} the path of the binary
 */
export function findBun() {
  return thisBun() ?? platformBun() ?? packagedBun() ?? bunOnPath();
}

/** The npm package with Bun for this platform, such as `@oven/bun-linux-x64`. */
export function bunPackage() {
  const os = process.platform === "win32" ? "windows" : process.platform;
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  return `@oven/bun-${os}-${arch}${isMusl() ? "-musl" : ""}`;
}

/** The error message for when findBun() finds nothing. */
export function bunIsMissing() {
  return `Fanfare needs Bun ${oldestBun} or later, and none was found.\n${waysToGetBun()}`;
}

export function waysToGetBun() {
  return [
    "To get it, either run",
    `  npm install --include=optional    installs Bun for this platform (${bunPackage()})`,
    "or install Bun from https://bun.com, so that `bun --version` works in this terminal.",
  ].join("\n");
}

/** @returns {string | undefined} */
function thisBun() {
  return isRecent(process.versions.bun) ? process.execPath : undefined;
}

/** @returns {string | undefined} */
function platformBun() {
  return binaryOf(bunPackage(), process.platform === "win32" ? "bun.exe" : "bun");
}

/** The package `bun` uses this binary name on every platform, once its install script has run. */
function packagedBun() {
  return binaryOf("bun", "bun.exe");
}

/**
 * Uses Node's module resolution, so it finds a package next to this one, hoisted above it, or installed globally with it.
 *
 * @param {string} name
 * @param {string} file
 * @returns {string | undefined}
 */
function binaryOf(name, file) {
  let manifest;
  try {
    manifest = require.resolve(`${name}/package.json`);
  } catch {
    // Not installed: the caller tries the next place, and launch.js reports the error if none is left.
    return undefined;
  }
  const binary = join(dirname(manifest), "bin", file);
  // A stub has 450 bytes, the binary about 100 MB.
  if (!existsSync(binary) || statSync(binary).size < 1024 * 1024) return undefined;
  return isRecent(JSON.parse(readFileSync(manifest, "utf8")).version) ? binary : undefined;
}

/** @returns {string | undefined} */
function bunOnPath() {
  const name = process.platform === "win32" ? "bun.exe" : "bun";
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const binary = join(folder, name);
    if (folder === "" || !existsSync(binary)) continue;
    const { stdout } = spawnSync(binary, ["--version"], { encoding: "utf8", timeout: 10_000 });
    if (isRecent(stdout?.trim())) return binary;
  }
  return undefined;
}

/**
 * @param {string | undefined} version such as `1.4.4` or `1.5.0-canary.3`
 */
function isRecent(version) {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(version ?? "");
  if (found === null) return false;
  const wanted = oldestBun.split(".").map(Number);
  for (const [place, least] of wanted.entries()) {
    const part = Number(found[place + 1]);
    if (part !== least) return part > least;
  }
  return true;
}

/** Alpine and other musl systems need their own binary. Node's report names the glibc version if the system has glibc. */
function isMusl() {
  if (process.platform !== "linux") return false;
  if (existsSync("/etc/alpine-release")) return true;
  /** @type {any} */
  const report = process.report?.getReport();
  return report?.header !== undefined && report.header.glibcVersionRuntime === undefined;
}
