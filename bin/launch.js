import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { engineEnv } from "./engine-env.js";
import { bunIsMissing, findBun, waysToGetBun } from "./find-bun.js";
import { watchRunner } from "./runner-watch.js";

const main = join(dirname(dirname(fileURLToPath(import.meta.url))), "server", "main.ts");

/** Two signals of one name within this time are one: npm passes on the Ctrl+C that the terminal already sent to everybody. */
const sameSignalMs = 500;

/** The file descriptor at which the program finds its end of the pipe to the launcher. */
const pipeDescriptor = 3;

/**
 * Runs the command line in server/main.ts on Bun, for people who have Node only, and stays until it has ended.
 *
 * A server takes a second signal as "stop now", so each one must reach it once. Ctrl+C in a terminal goes to the whole
 * process group, and so does `kill %1` or `timeout`. A server therefore gets a group of its own and receives only what is
 * passed on here. All other commands stay in the terminal's group.
 *
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, stop?: AbortSignal }} [options] more environment; `stop` sends a SIGTERM
 * @returns {Promise<number>} the exit code of the server; when a signal ended it, this process ends by the same signal
 */
export async function launch(args, { env = {}, stop } = {}) {
  const bun = findBun();
  if (bun === undefined) {
    console.error(bunIsMissing());
    return 1;
  }
  const [first = "start"] = args;
  const isServer = first === "start" || first.startsWith("-");
  // Settings have one order (file < .env < environment < flags), and the server keeps it by reading .env itself.
  return run(bun, ["--no-env-file", main, ...args], { ownGroup: isServer, env, stop });
}

/**
 * @param {string} bun
 * @param {readonly string[]} args
 * @param {{ ownGroup: boolean, env: NodeJS.ProcessEnv, stop: AbortSignal | undefined }} options
 * @returns {Promise<number>}
 */
function run(bun, args, { ownGroup, env, stop }) {
  const isWindows = process.platform === "win32";
  const child = isWindows
    ? spawn(bun, args, { stdio: "inherit", env: { ...engineEnv, ...process.env, ...env } })
    : spawn(bun, args, {
        // The pipe is never written to. Its end tells the program that this process is gone, whatever ended it.
        stdio: ["inherit", "inherit", "inherit", "pipe"],
        env: { ...engineEnv, ...process.env, ...env, FANFARE_LAUNCHER_PIPE: String(pipeDescriptor) },
        detached: ownGroup,
      });
  // On Windows the console tells every process, and kill() would end the server without a word.
  const release = isWindows ? ignoreConsole() : passSignals(child, { ownGroup });
  const end = () => child.kill("SIGTERM");
  stop?.addEventListener("abort", end);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      release();
      console.error(`Bun was found but does not start: ${bun}\n  ${error.message}\n${waysToGetBun()}`);
      resolve(1);
    });
    child.on("exit", (code, signal) => {
      release();
      stop?.removeEventListener("abort", end);
      child.stdio[pipeDescriptor]?.destroy();
      if (signal === null) return resolve(code ?? 1);
      process.kill(process.pid, signal);
      // A signal that Node keeps to itself does not end this process: the shell's number for it says the same.
      setTimeout(() => resolve(128 + constants.signals[signal]), 1000);
    });
  });
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {{ ownGroup: boolean }} options
 * @returns {() => void} gives the signals back
 */
function passSignals(child, { ownGroup }) {
  /** @type {Map<NodeJS.Signals, number>} */
  const lastAt = new Map();
  /** @param {NodeJS.Signals} signal */
  const pass = (signal) => {
    const now = performance.now();
    // Counted from the last one that was passed on: a person who keeps pressing Ctrl+C means it.
    if (now - (lastAt.get(signal) ?? Number.NEGATIVE_INFINITY) < sameSignalMs) return;
    lastAt.set(signal, now);
    child.kill(signal);
  };
  // The same Ctrl+C or SIGTERM may have ended npm and reached this process: then it has been passed on already.
  const stopWatching = watchRunner(() => lastAt.size === 0 && pass("SIGTERM"));
  // Ctrl+Z stops the group of this process only: the server stops and continues with it.
  const suspend = () => {
    child.kill("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  };
  const resume = () => child.kill("SIGCONT");
  /** @type {NodeJS.Signals[]} */
  const passed = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];
  for (const signal of passed) process.on(signal, pass);
  if (ownGroup) process.on("SIGTSTP", suspend).on("SIGCONT", resume);
  return () => {
    stopWatching();
    for (const signal of passed) process.off(signal, pass);
    process.off("SIGTSTP", suspend).off("SIGCONT", resume);
  };
}

/** @returns {() => void} */
function ignoreConsole() {
  const ignore = () => {};
  process.on("SIGINT", ignore).on("SIGHUP", ignore);
  return () => void process.off("SIGINT", ignore).off("SIGHUP", ignore);
}
