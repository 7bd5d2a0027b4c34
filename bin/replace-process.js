import { readFileSync } from "node:fs";

/**
 * Replaces this process with another program (execve), so that the launcher does not stay in memory: 45 MB next to a server of
 * 57. Returns if that is impossible, and otherwise never.
 *
 * A server treats a second signal as "stop now". So it is replaced only where a signal is certain to come once: without a
 * package manager, which forwards signals, and as the leader of its process group, as in a container, under systemd or from a
 * shell. `timeout` and similar programs signal the process and then its group. Node can do this from 22.15 on.
 *
 * @param {string} file
 * @param {readonly string[]} args
 * @param {Record<string, string | undefined>} env
 */
export function replaceProcess(file, args, env) {
  /** @type {{ execve?: (file: string, args: readonly string[], env: object) => never }} */
  const { execve } = /** @type {any} */ (process);
  if (execve === undefined || process.env.npm_config_user_agent !== undefined || !leadsItsGroup()) return;
  const given = Object.entries(env).filter(([, value]) => value !== undefined);
  execve.call(process, file, [file, ...args], Object.fromEntries(given));
}

/** See man 5 proc: the fields after the name are the state, the parent and the process group. */
function leadsItsGroup() {
  if (process.platform !== "linux") return false;
  const stat = readFileSync("/proc/self/stat", "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[2]) === process.pid;
}
