import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { clearLeftovers } from "../../server/ops/control-socket.ts";
import { childEnv } from "../child-env.ts";
import { killGroup } from "../kill-group.ts";
import { patienceMs } from "../waiting.ts";

const root = join(import.meta.dir, "..", "..");
const apartMs = 250;
/** How often the log is looked at by who waits for a line of it. */
const lookMs = 15;

/** How a server of a test is started. */
export interface StartOptions {
  /** Settings by their names in the environment; nothing else of this process's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Where `.env` and the settings file are looked for. */
  readonly cwd?: string;
  /** A program of a test's own, which breaks something and then runs the real one. */
  readonly main?: string;
  /** How many files its process may open. */
  readonly openFiles?: number;
}

/**
 * Starts the real program on a free port, and resolves once it listens.
 * Use it with `await using`: then the server is gone when the test has ended, however it ended.
 * @throws Error with what the program printed, when it ends or does not listen
 */
export async function startServer({
  env = {},
  flags = [],
  cwd,
  main = "server/main.ts",
  openFiles,
}: StartOptions = {}): Promise<ServerUnderTest> {
  const limited = openFiles === undefined ? [] : ["sh", "-c", `ulimit -n ${openFiles}; exec "$0" "$@"`];
  const command = [...limited, process.execPath, "--no-env-file", join(root, main), "start", "--port", "0", ...flags];
  // Into a file: on a machine that is busy the runtime sometimes stops reading the pipe of a process for good.
  const folder = mkdtempSync(join(tmpdir(), "fanfare-e2e-"));
  const log = openSync(join(folder, "log"), "a");
  const child = Bun.spawn(command, {
    cwd: cwd ?? import.meta.dir,
    env: childEnv({ NOTIFICATION_INTERVAL: "0", ...env }),
    stdio: ["ignore", log, log],
    // In a process group of its own, so that its workers can be killed with it.
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

/** A running server: its addresses, its log, its signals. */
export class ServerUnderTest implements AsyncDisposable {
  /** Such as `http://127.0.0.1:40001`. */
  url = "";
  readonly #child: Subprocess;
  /** Holds the log; gone with the server. */
  readonly #folder: string;
  #lastOutput = "";
  readonly #signalledAt = new Map<string, number>();
  #isDisposed = false;

  constructor(child: Subprocess, folder: string) {
    this.#child = child;
    this.#folder = folder;
  }

  /** @throws Error with the log when it does not */
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

  /** The exit code, once it has ended. */
  get exited(): Promise<number> {
    return this.#child.exited;
  }

  /** The same one again is sent a moment later than asked for: closer together the two would count as one. */
  signal(name: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    const at = Math.max(performance.now(), (this.#signalledAt.get(name) ?? -apartMs) + apartMs);
    this.#signalledAt.set(name, at);
    const waitMs = at - performance.now();
    if (waitMs <= 0) this.#child.kill(name);
    else setTimeout(() => this.#child.kill(name), waitMs);
  }

  /** Resolves with the match once the log has it. @throws Error with the log when it ends first, or too much time passes */
  async untilLogged(pattern: RegExp, timeoutMs = patienceMs): Promise<RegExpExecArray> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      // Looked at first: what a process that has ended said is all there.
      const hasEnded = this.#child.exitCode !== null || this.#child.signalCode !== null;
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      if (hasEnded) throw new Error(`the server ended without saying ${pattern}; it said:\n${this.output}`);
      if (performance.now() > until) {
        throw new Error(`the server did not say ${pattern} in time; it said:\n${this.output}`);
      }
      await Bun.sleep(lookMs);
    }
  }

  /** Asks its API. The body is sent as JSON, a text as it is. */
  request(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const type = text === undefined ? {} : { "Content-Type": "application/json" };
    return fetch(`${this.url}${path}`, {
      method,
      headers: { ...type, ...headers },
      ...(text === undefined ? {} : { body: text }),
    });
  }

  /** Idempotent: its process id may be another's by the second time. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDisposed) return;
    await killGroup(this.#child);
    // A killed server leaves its sockets behind, as the next server on this machine would find them.
    await clearLeftovers();
    this.#lastOutput = this.output;
    this.#isDisposed = true;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
