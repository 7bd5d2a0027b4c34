import { spawn } from "node:child_process";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import { engineEnv } from "./engine-env.js";
import { bunIsMissing, findBun, waysToGetBun } from "./find-bun.js";
import { linkedProgramFolder } from "./program-folder.js";
import { replaceProcess } from "./replace-process.js";
import { watchRunner } from "./runner-watch.js";

const here = dirname(fileURLToPath(import.meta.url));
/** Without them the runtime would obey a bunfig.toml or tsconfig.json in the working directory, which can name programs to run. */
const ownConfig = [`--config=${join(here, "bunfig.toml")}`, `--tsconfig-override=${join(here, "no-tsconfig.json")}`];
const folder = dirname(dirname(fileURLToPath(import.meta.url)));
const main = join(folder, "server", "main.ts");

/** The same signal twice within this time counts once: npm forwards the Ctrl+C that the terminal sent to the whole group. */
const sameSignalMs = 500;

/** The child's file descriptor for its end of the launcher pipe. */
const pipeDescriptor = 3;

/** Bun cannot read packages from the archives of Yarn Plug'n'Play. */
const plugAndPlay = [
  "Fanfare runs on Bun, which needs a node_modules folder, and Yarn Plug'n'Play has none. Add this line to .yarnrc.yml, and run",
  "`yarn install`:",
  "  nodeLinker: node-modules",
].join("\n");

/**
 * Runs server/main.ts on Bun, for people who only have Node, and waits until it exits.
 *
 * A server treats a second signal as "stop now", so each signal must reach it exactly once. Ctrl+C in a terminal goes to
 * the whole process group, and so do `kill %1` and `timeout`. A server therefore runs in its own process group and receives
 * only the signals forwarded here. All other commands stay in the terminal's group.
 *
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, stop?: AbortSignal, mayReplace?: boolean }} [options] `env` is added to the environment;
 *   `stop` sends SIGTERM; `mayReplace` runs the server in place of this process if possible, so that this never returns
 * @returns {Promise<number>} the server's exit code; if a signal killed the server, this process dies of the same signal
 */
export async function launch(args, { env = {}, stop, mayReplace = false } = {}) {
  if (process.versions.pnp !== undefined) {
    console.error(plugAndPlay);
    return 1;
  }
  const bun = findBun();
  if (bun === undefined) {
    console.error(bunIsMissing());
    return 1;
  }
  const [first = "start"] = args;
  const isServer = first === "start" || first.startsWith("-");
  // The server reads .env itself, to keep the precedence of settings: file < .env < environment < flags.
  const linked = linkedProgramFolder(folder, {
    script: process.argv[1],
    workingDirectory: process.cwd(),
    shellDirectory: process.env.PWD,
  });
  const allEnv = linked === undefined ? env : { FANFARE_PROGRAM: linked, ...env };
  const all = [...ownConfig, "--no-env-file", main, ...args];
  if (mayReplace) replaceProcess(bun, all, { ...engineEnv, ...process.env, ...allEnv });
  return run(bun, all, { ownGroup: isServer, env: allEnv, stop });
}

/**
 * @param {string} bun
 * @param {readonly string[]} args
 * @param {{ ownGroup: boolean, env: NodeJS.ProcessEnv, stop: AbortSignal | undefined }} options
 * @returns {Promise<number>}
 */
function run(bun, args, { ownGroup, env, stop }) {
  const isWindows = process.platform === "win32";
  const terminals = [0, 1, 2].filter((descriptor) => isatty(descriptor));
  const child = isWindows
    ? spawn(bun, args, { stdio: "inherit", env: { ...engineEnv, ...process.env, ...env } })
    : spawn(bun, args, {
        // Nothing is ever written to the pipe. It closes when this process dies for whatever reason, even SIGKILL.
        stdio: ["inherit", "inherit", "inherit", "pipe"],
        env: { ...engineEnv, ...process.env, ...env, FANFARE_LAUNCHER_PIPE: String(pipeDescriptor) },
        detached: ownGroup,
      });
  // On Windows the console notifies every process itself, and kill() would end the server without a shutdown.
  const release = isWindows ? ignoreConsole() : forwardSignals(child, { ownGroup });
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
      // Node aborts with a core dump if it exits by itself after its terminal was closed.
      if (terminals.some((descriptor) => !isatty(descriptor))) process.kill(process.pid, "SIGHUP");
      if (signal === null) return resolve(code ?? 1);
      process.kill(process.pid, signal);
      // Some signals are handled by Node and do not kill this process. Then exit with the shell's code for the signal.
      setTimeout(() => resolve(128 + constants.signals[signal]), 1000);
    });
  });
}

/**
 * @param {import("node:child_process").ChildProcess} child
 * @param {{ ownGroup: boolean }} options
 * @returns {() => void} stops forwarding
 */
function forwardSignals(child, { ownGroup }) {
  /** @type {Map<NodeJS.Signals, number>} */
  const lastAt = new Map();
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    const now = performance.now();
    // Measured from the last forwarded signal, so that repeated Ctrl+C gets through.
    if (now - (lastAt.get(signal) ?? Number.NEGATIVE_INFINITY) < sameSignalMs) return;
    lastAt.set(signal, now);
    child.kill(signal);
  };
  // The Ctrl+C or SIGTERM that ended npm may have reached this process too. Then it has already been forwarded.
  const stopWatching = watchRunner(() => lastAt.size === 0 && forward("SIGTERM"));
  // Ctrl+Z stops only this process's group, so the server is stopped and continued explicitly.
  const suspend = () => {
    child.kill("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  };
  const resume = () => child.kill("SIGCONT");
  /** @type {NodeJS.Signals[]} */
  const forwarded = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"];
  for (const signal of forwarded) process.on(signal, forward);
  if (ownGroup) process.on("SIGTSTP", suspend).on("SIGCONT", resume);
  return () => {
    stopWatching();
    for (const signal of forwarded) process.off(signal, forward);
    process.off("SIGTSTP", suspend).off("SIGCONT", resume);
  };
}

/** @returns {() => void} */
function ignoreConsole() {
  const ignore = () => {};
  process.on("SIGINT", ignore).on("SIGHUP", ignore);
  return () => void process.off("SIGINT", ignore).off("SIGHUP", ignore);
}
