import type { Subprocess } from "bun";
import { engineEnv } from "../../bin/engine-env.js";
import { freePort } from "../../scripts/free-port.js";
import type { Program } from "./program.ts";

const startTimeoutMs = 30_000;
const closeTimeoutMs = 5000;

/** The program to start, and its settings in addition to its flags. */
export interface StartedProgram extends Pick<Program, "name" | "command" | "isShellCommand"> {
  readonly env?: Readonly<Record<string, string>>;
}

/** A running server under measurement. */
export class ServerProcess {
  readonly #process: Subprocess;
  readonly port: number;

  private constructor(process: Subprocess, port: number) {
    this.#process = process;
    this.port = port;
  }

  /** Resolves once it accepts connections. @throws Error if it does not within ten seconds, or exits */
  static async start(program: StartedProgram): Promise<ServerProcess> {
    // Each server gets a new port, because the old one has ten thousand connections in TIME_WAIT for a minute.
    const port = await freePort();
    const { PATH = "" } = process.env;
    // Nothing else of the environment is passed on, because a PORT or LOG_LEVEL in it would affect the measurement.
    const command = program.command(port);
    const start = program.isShellCommand
      ? ["/bin/sh", "-c", command.join(" ")]
      : [process.execPath, "--no-env-file", ...command];
    const child = Bun.spawn(start, {
      cwd: `${import.meta.dir}/../..`,
      env: { PATH, NODE_ENV: "production", ...engineEnv, ...program.env },
      stdio: ["ignore", "ignore", "inherit"],
    });
    const deadline = performance.now() + startTimeoutMs;
    while (!(await accepts(port))) {
      if (child.exitCode !== null)
        throw new Error(`${program.name} exited with code ${child.exitCode} while it started`);
      if (performance.now() > deadline) {
        child.kill("SIGKILL");
        throw new Error(`${program.name} did not listen within ${startTimeoutMs / 1000} s`);
      }
      await Bun.sleep(20);
    }
    return new ServerProcess(child, port);
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Sends two signals, so that it closes all connections at once and its workers exit, too. */
  async close(): Promise<void> {
    this.#process.kill("SIGTERM");
    this.#process.kill("SIGTERM");
    const late = setTimeout(() => this.#process.kill("SIGKILL"), closeTimeoutMs);
    await this.#process.exited;
    clearTimeout(late);
  }
}

/** Whether it serves. While workers start, their supervisor answers 503. A server without this path answers 404. */
async function accepts(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { keepalive: false });
    await answer.arrayBuffer();
    return answer.status !== 503;
  } catch {
    return false; // It does not listen yet.
  }
}
