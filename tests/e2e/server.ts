import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Subprocess } from "bun";
import { onFreePort } from "../../scripts/free-port.js";
import { clearLeftovers } from "../../server/ops/control-socket.ts";
import { childEnv } from "../child-env.ts";
import { killGroup } from "../kill-group.ts";
import { defaultTimeoutMs } from "../waiting.ts";

const root = join(import.meta.dir, "..", "..");
const apartMs = 250;
/** How often the log is read while a test waits for one of its lines. */
const pollMs = 15;

/** How a test starts a server. */
export interface StartOptions {
  /** Settings as environment variables. Nothing else of this process's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** The directory in which the server looks for `.env` and the settings file. */
  readonly cwd?: string;
  /** A program that breaks something and then runs the real server. */
  readonly main?: string;
  /** The limit on open files of its process. */
  readonly openFiles?: number;
  /** A program to start in place of `main`. */
  readonly binary?: string;
}

/**
 * Starts the real program on a free port, and resolves once it listens. Another server can be started on that port later,
 * since no other test gets it.
 * Use it with `await using`, so that the server is killed when the test ends, however it ends.
 * @throws Error with the program's output if it exits or does not listen
 */
export function startServer(options: StartOptions = {}): Promise<ServerUnderTest> {
  return onFreePort((port) => startOn(port, options));
}

/** @param port for a server whose flags do not name one */
async function startOn(
  port: number,
  { env = {}, flags = [], cwd, main = "server/main.ts", openFiles, binary }: StartOptions,
): Promise<ServerUnderTest> {
  const limited = openFiles === undefined ? [] : ["sh", "-c", `ulimit -n ${openFiles}; exec "$0" "$@"`];
  const program = binary === undefined ? [process.execPath, "--no-env-file", resolve(root, main)] : [binary];
  const command = [...limited, ...program, "start", "--port", String(port), ...flags];
  // Into a file, because on a busy machine the runtime sometimes stops reading the pipe of a process.
  const folder = mkdtempSync(join(tmpdir(), "fanfare-e2e-"));
  const log = openSync(join(folder, "log"), "a");
  const child = Bun.spawn(command, {
    cwd: cwd ?? import.meta.dir,
    env: childEnv({ NOTIFICATION_INTERVAL: "0", ...env }),
    stdio: ["ignore", log, log],
    // In its own process group, so that its workers can be killed with it.
    detached: true,
  });
  closeSync(log);
  const server = new ServerUnderTest(child, folder);
  try {
    await server.untilListening();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}

/** A running server. A test can send it requests and signals, and read its log. */
export class ServerUnderTest implements AsyncDisposable {
  /** Such as `http://127.0.0.1:40001`. */
  url = "";
  readonly #child: Subprocess;
  /** Contains the log. Deleted with the server. */
  readonly #folder: string;
  #lastOutput = "";
  readonly #signalledAt = new Map<string, number>();
  #isDisposed = false;

  constructor(child: Subprocess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** @throws Error with the log if it does not listen */
  async untilListening(): Promise<void> {
    const pattern = /Listening on ws(s?):\/\/(\S+:\d+)\//;
    const [, s = "", address = ""] = await this.untilLogged(pattern);
    this.url = `http${s}://${address}`;
  }

  /** Everything it printed. */
  get output(): string {
    if (!this.#isDisposed) this.#lastOutput = readFileSync(join(this.#folder, "log"), "utf8");
    return this.#lastOutput;
  }

  get wsUrl(): string {
    return `${this.url.replace(/^http/, "ws")}/ws`;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The exit code, once it has exited. */
  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** Delays a second signal of the same kind: two that arrive together would count as one. */
  signal(name: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGUSR2" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    const at = Math.max(performance.now(), (this.#signalledAt.get(name) ?? -apartMs) + apartMs);
    this.#signalledAt.set(name, at);
    const waitMs = at - performance.now();
    if (waitMs <= 0) this.#child.kill(name);
    else setTimeout(() => this.#child.kill(name), waitMs);
  }

  /** Resolves once the log contains a match. @throws Error with the log if the server exits first, or on timeout */
  async untilLogged(pattern: RegExp, timeoutMs = defaultTimeoutMs): Promise<RegExpExecArray> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      // Checked before the log is read: once the process has exited, its log is complete.
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      if (hasEnded) throw new Error(`the server exited without logging ${pattern}; it printed:\n${this.output}`);
      if (performance.now() > until) {
        throw new Error(`the server did not log ${pattern} in time; it printed:\n${this.output}`);
      }
      await Bun.sleep(pollMs);
    }
  }

  /** Sends a request to its API. A string body is sent as it is, anything else as JSON. */
  request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const type = text === undefined ? {} : { "Content-Type": "application/json" };
    return fetch(`${this.url}${path}`, {
      method,
      headers: { ...type, ...headers },
      ...(text === undefined ? {} : { body: text }),
    });
  }

  /** Idempotent, because the process ID may belong to another process the second time. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    await killGroup(this.#child);
    // A killed server leaves its sockets behind.
    await clearLeftovers();
    this.#lastOutput = this.output;
    this.#isDisposed = true;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
