import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";

/**
 * Runs a program that must not hear the terminal's Ctrl+C, since others still need it, and that must not outlive this
 * process, however that ends: the end of a pipe that this process holds ends the program.
 */
const guard = `"$@" 3<&- & program=$!
(cat <&3; kill "$program") >/dev/null 2>&1 & exec 3<&-
wait "$program" 2>/dev/null`;

/** A program in the background. */
export class Guarded {
  /** Resolves with what it printed last, once it has ended. */
  ended;
  #child;
  #lines = /** @type {string[]} */ ([]);

  /**
   * @param {string} name
   * @param {string} program
   * @param {readonly string[]} args
   * @param {{ isShown: boolean }} options whether its lines are printed, with its name in front
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

/** @returns {Promise<number>} a port of loopback that nobody has now */
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
