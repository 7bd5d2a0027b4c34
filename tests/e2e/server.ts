import { join } from "node:path";
import type { Subprocess } from "bun";

const root = join(import.meta.dir, "..", "..");
const startTimeoutMs = 20_000;

/** How a server of a test is started. */
export interface StartOptions {
  /** Settings by their names in the environment; nothing else of this process's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Where `.env` and the settings file are looked for. */
  readonly cwd?: string;
}

/**
 * Starts the real program on a free port, and resolves once it listens.
 * Use it with `await using`: then the server is gone when the test has ended, however it ended.
 * @throws Error with what the program printed, when it ends or does not listen
 */
export async function startServer({ env = {}, flags = [], cwd }: StartOptions = {}): Promise<ServerUnderTest> {
  const { PATH = "" } = process.env;
  const command = [process.execPath, "--no-env-file", join(root, "server/main.ts"), "start", "--port", "0", ...flags];
  const child = Bun.spawn(command, {
    cwd: cwd ?? import.meta.dir,
    env: { PATH, NOTIFICATION_INTERVAL: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const server = new ServerUnderTest(child);
  await server.listening;
  return server;
}

/** A running server: its addresses, its log, its signals. */
export class ServerUnderTest implements AsyncDisposable {
  readonly listening: Promise<void>;
  /** Everything it printed. */
  output = "";
  /** Such as `http://127.0.0.1:40001`. */
  url = "";
  readonly #child: Subprocess<"ignore", "pipe", "pipe">;
  readonly #watchers = new Set<() => void>();

  constructor(child: Subprocess<"ignore", "pipe", "pipe">) {
    this.#child = child;
    void this.#read(child.stdout);
    void this.#read(child.stderr);
    this.listening = this.untilLogged(/Listening on ws(s?):\/\/(\S+:\d+)\//, startTimeoutMs).then(([, s, address]) => {
      this.url = `http${s}://${address}`;
    });
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

  signal(name: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    this.#child.kill(name);
  }

  /** Resolves with the match once the log has it. @throws Error with the log when it ends first, or too much time passes */
  async untilLogged(pattern: RegExp, timeoutMs = 15_000): Promise<RegExpExecArray> {
    const until = performance.now() + timeoutMs;
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      const leftMs = until - performance.now();
      if (leftMs <= 0) throw new Error(`the server did not say ${pattern} in time; it said:\n${this.output}`);
      await this.#nextOutput(leftMs, pattern);
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

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      this.output += decoder.decode(chunk, { stream: true });
      for (const wake of [...this.#watchers]) wake();
    }
  }

  async #nextOutput(timeoutMs: number, pattern: RegExp): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<"more" | "late">();
    const wake = () => resolve("more");
    this.#watchers.add(wake);
    const timer = setTimeout(() => resolve("late"), timeoutMs);
    const result = await Promise.race([promise, this.#child.exited.then(() => "ended" as const)]);
    clearTimeout(timer);
    this.#watchers.delete(wake);
    if (result !== "ended") return;
    // Its last words may still be in the pipe.
    await Bun.sleep(50);
    if (!pattern.test(this.output))
      throw new Error(`the server ended without saying ${pattern}; it said:\n${this.output}`);
  }
}
