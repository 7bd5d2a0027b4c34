import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

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

  async stop() {
    const pipe = this.#child.stdio[3];
    if (pipe !== null && pipe !== undefined) pipe.destroy();
    await this.ended;
  }
}

/** @returns {Promise<number>} a port on loopback that is free at the moment */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address !== null ? resolve(address.port) : reject(address)));
    });
  });
}
