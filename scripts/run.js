import { spawn } from "node:child_process";

/**
 * @typedef {object} Ended
 * @property {number | undefined} code undefined if a signal killed it, or it could not be started
 * @property {string} output its output, if `listen` was set
 */

/**
 * Runs a program in the terminal's process group and waits until it exits. Ctrl+C reaches the program directly from the
 * terminal.
 *
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, listen?: boolean, isQuiet?: boolean, limitMs?: number }} [options] `listen`: also
 *   returns the output. `isQuiet`: only errors are printed, and nothing with `listen`. After `limitMs` the program is killed.
 * @returns {Promise<Ended>}
 */
export function run(program, args, { env = {}, listen = false, isQuiet = false, limitMs } = {}) {
  const isTerminal = process.stdout.isTTY === true;
  const child = spawn(program, args, {
    stdio: listen ? ["inherit", "pipe", "pipe"] : ["inherit", isQuiet ? "ignore" : "inherit", "inherit"],
    env: { ...process.env, ...(listen && isTerminal ? { FORCE_COLOR: "1" } : {}), ...env },
    timeout: limitMs,
    killSignal: "SIGKILL",
  });
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
    if (!isQuiet) process.stdout.write(chunk);
  });
  child.stderr?.on("data", (chunk) => {
    output += chunk;
    if (!isQuiet) process.stderr.write(chunk);
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
