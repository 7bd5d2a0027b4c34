import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { SetupError } from "../programs.js";
import { requireBun } from "../setup.js";

/** One node: `fanfare start`, with two workers by default. */
export class FanfareNode {
  port = 0;
  /** Resolves once the process has exited. */
  ended;
  #child;
  /** The last lines that it printed. */
  #lines = /** @type {string[]} */ ([]);
  /** Resolves with the port. */
  #listening;

  /**
   * @param {string} name
   * @param {readonly string[]} args
   * @param {NodeJS.ProcessEnv} env
   */
  constructor(name, args, env) {
    const child = spawn(requireBun(), ["--no-env-file", "server/main.ts", "start", ...args], {
      // When this process exits for whatever reason, this pipe closes and the node notices.
      env: { ...env, FANFARE_LAUNCHER_PIPE: "3" },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // In its own process group. Otherwise the node would receive Ctrl+C twice: from the terminal and from this process.
      detached: true,
    });
    this.#child = child;
    this.ended = new Promise((resolve) => child.once("exit", () => resolve(undefined)));
    /** @type {Promise<number>} */
    this.#listening = new Promise((resolve, reject) => {
      for (const stream of [child.stdout, child.stderr]) {
        if (stream === null) continue;
        createInterface({ input: stream }).on("line", (line) => {
          console.log(`${name.padEnd(7)} | ${line}`);
          this.#lines = [...this.#lines.slice(-20), line];
          const [, port] = /Listening on wss?:\/\/\S+:(\d+)\//.exec(line) ?? [];
          if (port !== undefined) resolve(Number(port));
        });
      }
      child.once("close", () => {
        console.log(`node ${name} has exited`);
        reject(new SetupError(`node ${name} did not start; it printed:\n${this.#lines.join("\n")}`));
      });
    });
  }

  /**
   * Resolves once it listens.
   *
   * @param {string} name
   * @param {{ args: readonly string[], redisUrl: string }} options
   * @throws {SetupError} with its output
   */
  static async start(name, { args, redisUrl }) {
    /** @type {NodeJS.ProcessEnv} */
    const settings = { WORKERS: "2", TRUSTED_PROXIES: "127.0.0.1", ...process.env, REDIS_URL: redisUrl };
    // Both nodes would use the same OPS_PORT, and both use the Redis of this script.
    for (const name of ["OPS_PORT", "REDIS_HOST", "REDIS_URL_FILE"]) delete settings[name];
    const node = new FanfareNode(name, ["--host", "127.0.0.1", "--port", "0", ...args], settings);
    node.port = await node.#listening;
    return node;
  }

  get url() {
    return `http://127.0.0.1:${this.port}/`;
  }

  /**
   * Waits until its clients have left.
   *
   * @param {AbortSignal} hurry closes their connections instead of waiting
   */
  async stop(hurry) {
    this.#child.kill("SIGTERM");
    // A second signal that arrives sooner would count as a duplicate of the first.
    const earliestAt = performance.now() + 200;
    const again = () => setTimeout(() => this.#child.kill("SIGTERM"), earliestAt - performance.now());
    if (hurry.aborted) again();
    else hurry.addEventListener("abort", again);
    await this.ended;
    hurry.removeEventListener("abort", again);
  }
}
