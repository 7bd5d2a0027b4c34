import { join } from "node:path";
import type { Subprocess } from "bun";
import { childEnv } from "../child-env.ts";
import { patienceMs } from "../waiting.ts";

const root = join(import.meta.dir, "..", "..");
const main = join(root, "server/main.ts");
const ownSession = ["setsid", "--ctty", "--wait"];
const lastWordsMs = 5000;

export interface ProgramOptions {
  /** Nothing else of this process's environment is passed on. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs before a person at a terminal of so many columns; else between pipes. */
  readonly columns?: number;
  /** Another program than ours. */
  readonly command?: readonly string[];
  readonly cwd?: string;
}

/**
 * One run of the command line, with its input open: what it prints can be waited for, and it can be typed to.
 * Use it with `await using`.
 */
export class ProgramUnderTest implements AsyncDisposable {
  /** Standard output, or what a terminal was sent. */
  output = "";
  /** Standard error, where there is no terminal. */
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
    throw new Error("it has no terminal");
  };
  readonly #read: Promise<unknown>;

  /** A shell with job control at a terminal, in the root of the checkout. */
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

  /** Our program in a session of its own: only there does the terminal tell it of its keys and its size. Linux only. */
  static inSession(args: readonly string[], columns: number): ProgramUnderTest {
    return new ProgramUnderTest([], {
      columns,
      command: [...ownSession, process.execPath, "--no-env-file", main, ...args],
    });
  }

  /** Gives its terminal another width. */
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

  /** Everything it printed and how it ended, once it has. */
  async ended(): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
    const code = await this.#child.exited;
    await this.#read;
    return { code, out: this.output, err: this.errors };
  }

  /** What it printed, errors included, once it is what is waited for. @throws Error when it ends first, or too much time passes */
  async until(wanted: RegExp | ((shown: string) => boolean), timeoutMs = patienceMs): Promise<string> {
    const until = performance.now() + timeoutMs;
    let endedAt = Number.POSITIVE_INFINITY;
    for (;;) {
      const all = this.output + this.errors;
      if (typeof wanted === "function" ? wanted(all) : wanted.test(all)) return all;
      // A terminal may hand over a program's last words after the word that it has ended.
      const leftMs = Math.min(until, endedAt + lastWordsMs) - performance.now();
      if (leftMs <= 0) throw new Error(`it did not say ${wanted}; it said:\n${all}`);
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

/** Runs to the end, with this on the standard input. */
export async function runProgram(
  args: readonly string[],
  { input = "", ...options }: ProgramOptions & { readonly input?: string } = {},
) {
  await using program = new ProgramUnderTest(args, options);
  program.type(input);
  program.endInput();
  return await program.ended();
}
