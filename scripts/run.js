import { spawn } from "node:child_process";

/**
 * @typedef {object} Ended
 * @property {number | undefined} code undefined when a signal ended it, or it never started
 * @property {string} output what it printed, where it was listened to
 */

/**
 * Runs a program in the terminal's process group and waits until it exits. The terminal sends Ctrl+C to it, not this process.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, listen?: boolean, limitMs?: number }} [options] `listen` keeps the output besides
 *   showing it; after `limitMs` the program is killed
 * @returns {Promise<Ended>}
 */
export function run(program, args, { env = {}, listen = false, limitMs } = {}) {
  const isTerminal = process.stdout.isTTY === true;
  const child = spawn(program, args, {
    stdio: listen ? ["inherit", "pipe", "pipe"] : "inherit",
    env: { ...process.env, ...(listen && isTerminal ? { FORCE_COLOR: "1" } : {}), ...env },
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
    process.stdout.write(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    output += chunk;
    process.stderr.write(chunk);
  });
  const wait = () => {};
  process.on("SIGINT", wait);
  const stop = () => child.kill("SIGTERM");
  process.on("SIGTERM", stop);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`cannot start ${program}: ${error.message}`);
      resolve({ code: undefined, output });
    });
    child.on("close", (code) => resolve({ code: code ?? undefined, output }));
  }).finally(() => process.off("SIGINT", wait).off("SIGTERM", stop));
}
