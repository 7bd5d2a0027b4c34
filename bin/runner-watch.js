import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** How often the parent processes are checked. */
const checkMs = 250;
/** Package managers that run programs, matched in their command lines. */
const runners = /(^|[\s/])(npm|npx|npm-cli\.js|npx-cli\.js|pnpm|pnpx|yarn|yarnpkg|bun|bunx)\b/;

/**
 * Calls `onGone` once when the package manager (npm, npx, …) that runs this program exits, or the shell between the two.
 *
 * npm forwards SIGTERM only to that shell, which dies without forwarding it, and SIGKILL is not forwarded at all. If no
 * package manager is among the parents, nothing is watched: a program running in the background may outlive its shell.
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
  }, checkMs);
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * The process ids from the parent up to the package manager; empty if there is no package manager.
 *
 * @returns {readonly number[]}
 */
function runnerChain() {
  // Package managers set this variable for everything they run.
  if (process.platform === "win32" || process.env.npm_config_user_agent === undefined) return [];
  const chain = [];
  for (let pid = process.ppid; pid > 1; ) {
    const found = describeProcess(pid);
    if (found === undefined) return [];
    chain.push(pid);
    if (runners.test(found.command)) return chain;
    // `sh -c "fanfare start"`: the package manager is its parent.
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
    // There is no /proc, for example on macOS.
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
    // A zombie: it has exited, but its parent has not read the exit code yet.
    return readStat(pid).state !== "Z";
  } catch {
    return true;
  }
}

/**
 * See man 5 proc. The process name before these fields may contain spaces and parentheses.
 *
 * @param {number} pid
 */
function readStat(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [state = "", parent = ""] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state, parent: Number(parent) };
}
