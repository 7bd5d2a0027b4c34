import { join } from "node:path";
import type { Subprocess } from "bun";
import { childEnv } from "../child-env.ts";
import { defaultTimeoutMs } from "../waiting.ts";

const root = join(import.meta.dir, "..", "..");
const main = join(root, "server/main.ts");
const ownSession = ["setsid", "--ctty", "--wait"];
const lastWordsMs = 5000;

export interface ProgramOptions {
  /** The only environment variables that are passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs in a terminal with this many columns. If undefined, the program's input and output are pipes. */
  readonly columns?: number;
  /** Runs this program instead of ours. */
  readonly command?: readonly string[];
  readonly cwd?: string;
}

/**
 * One run of the command line, with its input open. A test can wait for its output, and type to it.
 * Use it with `await using`.
 */
export class ProgramUnderTest implements AsyncDisposable {
  /** Standard output, or everything written to the terminal. */
  output = "";
  /** Standard error, if there is no terminal. */
  errors = "";
  readonly #child: Subprocess<
    "pipe" | "ignore" | undefined,
    "pipe" | "ignore" | undefined,
    "pipe" | "ignore" | undefined
  >;
  readonly #watchers = new Set<() => void>();
  readonly #type: (text: string) => void;
  readonly #end: () => void;
  #resize: (columns: number) => void = () => {
    throw new Error("the program has no terminal");
  };
  readonly #read: Promise<unknown>;

  /** A shell with job control in a terminal, in the root of the checkout. */
  static shell(): ProgramUnderTest {
    return new ProgramUnderTest([], { columns: 120, command: [...ownSession, "sh", "-i"], cwd: root });
  }

  constructor(
    args: readonly string[],
    { env = {}, columns, command: other, cwd = import.meta.dir }: ProgramOptions = {},
  ) {
    const command = other === undefined ? [process.execPath, "--no-env-file", main, ...args] : [...other];
    const common = { cwd, env: childEnv({ TZ: "UTC", TERM: "xterm-256color", ...env }) };
    if (columns === undefined) {
      const child = Bun.spawn(command, { ...common, stdio: ["pipe", "pipe", "pipe"] });
      this.#child = child;
      this.#type = (text) => void child.stdin.write(text);
      this.#end = () => void child.stdin.end();
      this.#read = Promise.all([
        this.#gather(child.stdout, (text) => (this.output += text)),
        this.#gather(child.stderr, (text) => (this.errors += text)),
      ]);
      return;
    }
    const decoder = new TextDecoder();
    const terminal = new Bun.Terminal({
      cols: columns,
      rows: 24,
      data: (_, bytes) => {
        this.output += decoder.decode(bytes, { stream: true });
        this.#wake();
      },
    });
    this.#child = Bun.spawn(command, { ...common, terminal });
    this.#type = (text) => void terminal.write(text);
    this.#end = () => void terminal.write("\u0004");
    this.#resize = (columns) => terminal.resize(columns, 24);
    this.#read = this.#child.exited;
  }

  /** Our program in its own session: otherwise it would not receive the terminal's signals for keys and size. Linux only. */
  static inSession(args: readonly string[], columns: number): ProgramUnderTest {
    return new ProgramUnderTest([], {
      columns,
      command: [...ownSession, process.execPath, "--no-env-file", main, ...args],
    });
  }

  /** Changes the width of its terminal. */
  resize(columns: number): void {
    this.#resize(columns);
  }

  /** Types a text; Enter is `\n` in a pipe and `\r` on a terminal. */
  type(text: string): void {
    this.#type(text);
  }

  /** Ends the input: Ctrl+D on a terminal. */
  endInput(): void {
    this.#end();
  }

  signal(name: "SIGINT" | "SIGTERM"): void {
    this.#child.kill(name);
  }

  /** Everything it printed and its exit code, once it has exited. */
  async ended(): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
    const code = await this.#child.exited;
    await this.#read;
    return { code, out: this.output, err: this.errors };
  }

  /** Resolves with its output, errors included, once that matches. @throws Error if the program exits first, or on timeout */
  async until(wanted: RegExp | ((shown: string) => boolean), timeoutMs = defaultTimeoutMs): Promise<string> {
    const until = performance.now() + timeoutMs;
    let endedAt = Number.POSITIVE_INFINITY;
    for (;;) {
      const all = this.output + this.errors;
      if (typeof wanted === "function" ? wanted(all) : wanted.test(all)) return all;
      // A program's last output may arrive from the terminal after its exit.
      const leftMs = Math.min(until, endedAt + lastWordsMs) - performance.now();
      if (leftMs <= 0) throw new Error(`the program did not print ${wanted}; it printed:\n${all}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      const timer = setTimeout(resolve, leftMs);
      const isRunning = endedAt === Number.POSITIVE_INFINITY;
      await Promise.race(isRunning ? [promise, this.ended().then(() => (endedAt = performance.now()))] : [promise]);
      clearTimeout(timer);
      this.#watchers.delete(resolve);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async #gather(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      add(decoder.decode(chunk, { stream: true }));
      this.#wake();
    }
  }

  #wake(): void {
    for (const wake of [...this.#watchers]) wake();
  }
}

/** Runs the program until it exits, with this standard input. */
export async function runProgram(
  args: readonly string[],
  { input = "", ...options }: ProgramOptions & { readonly input?: string } = {},
) {
  await using program = new ProgramUnderTest(args, options);
  program.type(input);
  program.endInput();
  return await program.ended();
}
