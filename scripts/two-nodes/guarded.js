import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { SetupError } from "../programs.js";
import { until } from "./until.js";

/**
 * Runs a program that must not receive the terminal's Ctrl+C, because the nodes still need it, and that must stop when this
 * process exits for whatever reason. It is stopped when a pipe closes that this process holds open.
 */
const guard = `"$@" 3<&- & program=$!
(cat <&3; kill "$program") >/dev/null 2>&1 & exec 3<&-
wait "$program" 2>/dev/null`;

/** A program in the background. */
export class Guarded {
  /** Resolves with its last lines of output, once it has exited. */
  ended;
  #name;
  #child;
  #lines = /** @type {string[]} */ ([]);

  /**
   * @param {string} name
   * @param {string} program
   * @param {readonly string[]} args
   * @param {{ isShown: boolean }} options whether its output is shown, with its name in front of each line
   */
  constructor(name, program, args, { isShown }) {
    const child = spawn("/bin/sh", ["-c", guard, name, program, ...args], {
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      detached: true,
    });
    this.#name = name;
    this.#child = child;
    this.ended = new Promise((resolve) => child.once("exit", () => resolve(this.#lines.slice(-5).join("\n"))));
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        this.#lines.push(line);
        if (isShown) console.log(`${name.padEnd(7)} | ${line}`);
      });
    }
  }

  /**
   * Polls until the program is ready. If that fails, the program is stopped.
   *
   * @param {() => Promise<boolean>} isReady
   * @param {string} what completes "timed out waiting until …"
   * @throws {SetupError} with its output if it exits
   */
  async untilReady(isReady, what) {
    const failed = this.ended.then((output) => {
      throw new SetupError(`${this.#name} exited; it printed:\n${output}`);
    });
    try {
      await until(isReady, what, failed);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop() {
    const pipe = this.#child.stdio[3];
    if (pipe !== null && pipe !== undefined) pipe.destroy();
    await this.ended;
  }
}
