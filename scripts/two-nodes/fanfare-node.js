import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { SetupError } from "../programs.js";
import { requireBun } from "../setup.js";

/** One node: `fanfare start` with two workers, unless it is asked for another number. */
export class FanfareNode {
  port = 0;
  /** Resolves once it has ended, however that was. */
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
      // The end of this pipe tells the node that this process is gone, whatever ended it.
      env: { ...env, FANFARE_LAUNCHER_PIPE: "3" },
      stdio: ["ignore", "pipe", "pipe", "pipe"],
      // In a group of its own: a terminal sends Ctrl+C to its whole group, and each node is to hear it once, from here.
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
        console.log(`node ${name} has ended`);
        reject(new SetupError(`node ${name} did not start; it said:\n${this.#lines.join("\n")}`));
      });
    });
  }

  /**
   * Resolves once it listens.
   *
   * @param {string} name
   * @param {{ args: readonly string[], redisUrl: string }} options
   * @throws {SetupError} with what it said
   */
  static async start(name, { args, redisUrl }) {
    /** @type {NodeJS.ProcessEnv} */
    const settings = { WORKERS: "2", TRUSTED_PROXIES: "127.0.0.1", ...process.env, REDIS_URL: redisUrl };
    // One port cannot be both nodes', and there is one Redis.
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
   * @param {AbortSignal} hurry closes them instead
   */
  async stop(hurry) {
    this.#child.kill("SIGTERM");
    // Sooner, the second signal would count as an echo of the first.
    const earliestAt = performance.now() + 200;
    const again = () => setTimeout(() => this.#child.kill("SIGTERM"), earliestAt - performance.now());
    if (hurry.aborted) again();
    else hurry.addEventListener("abort", again);
    await this.ended;
    hurry.removeEventListener("abort", again);
  }
}
