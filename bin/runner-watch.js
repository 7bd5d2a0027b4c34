import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** How often the processes above this one are looked at. */
const lookMs = 250;
/** Package managers that run a program for somebody, as their command lines name them. */
const runners = /(^|[\s/])(npm|npx|npm-cli\.js|npx-cli\.js|pnpm|pnpx|yarn|yarnpkg|bun|bunx)\b/;

/**
 * Calls `onGone` once when the npm, npx or other package manager that runs this program has ended, or the shell that it
 * put in between.
 *
 * npm passes SIGTERM to that shell only, which dies of it and tells nobody, and a SIGKILL reaches nobody else at all.
 * Without a package manager above, nothing is watched: a program that was put into the background outlives its shell.
 *
 * @param {() => void} onGone
 * @returns {() => void} stops watching
 */
export function watchRunner(onGone) {
  const chain = runnerChain();
  if (chain.length === 0) return () => {};
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent && chain.every(isAlive)) return;
    clearInterval(timer);
    onGone();
  }, lookMs);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * The processes from the parent up to the package manager; none where there is no package manager.
 *
 * @returns {readonly number[]}
 */
function runnerChain() {
  // Package managers set it for everything they run. Without it there is nothing to look for.
  if (process.platform === "win32" || process.env.npm_config_user_agent === undefined) return [];
  const chain = [];
  for (let pid = process.ppid; pid > 1; ) {
    const found = describeProcess(pid);
    if (found === undefined) return [];
    chain.push(pid);
    if (runners.test(found.command)) return chain;
    // `sh -c "fanfare start"`: the package manager is above it.
    if (!/^\S+ -c\b/.test(found.command)) return [];
    pid = found.parent;
  }
  return [];
}

/** @param {number} pid */
function describeProcess(pid) {
  try {
    const { parent } = readStat(pid);
    return { parent, command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim() };
  } catch {
    // No /proc, as on macOS.
    const { stdout } = spawnSync("ps", ["-o", "ppid=,command=", "-p", String(pid)], { encoding: "utf8" });
    const [, parent, command = ""] = /^\s*(\d+)\s+(.*)/.exec(stdout ?? "") ?? [];
    return parent === undefined ? undefined : { parent: Number(parent), command };
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
  try {
    // It has ended, and its own parent has not asked for its exit code yet.
    return readStat(pid).state !== "Z";
  } catch {
    return true;
  }
}

/**
 * See man 5 proc. The name before these fields may have blanks and parentheses in it.
 *
 * @param {number} pid
 */
function readStat(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state, parent: Number(parent) };
}
