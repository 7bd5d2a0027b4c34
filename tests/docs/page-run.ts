import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { freePort } from "../../scripts/free-port.js";
import { defaultTimeoutMs } from "../waiting.ts";
import { type Block, root } from "./page.ts";
import { withSdkOfCheckout } from "./sdk-of-checkout.ts";

/** Files and folders of the checkout that the copy does not contain. */
const leftOut = new Set([".git", ".env", ".cache", "fanfare-data", "fanfare.config.yaml"]);

/**
 * Runs the commands of one page from top to bottom, like a reader. They run in a copy of the checkout, so that the files
 * they write do no harm. Port 8000 of the page is replaced by the port of its server, and port 9000, which a reader's own
 * program uses, by another free one.
 */
export class PageRun implements AsyncDisposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "fanfare-docs-"));
  readonly #alive: Program[] = [];
  #server: Program | undefined;
  #port = "0";
  #programPort: string | undefined;

  constructor() {
    for (const name of readdirSync(root)) {
      if (!leftOut.has(name)) symlinkSync(join(root, name), join(this.#folder, name));
    }
    mkdirSync(this.#bin);
    symlinkSync(process.execPath, join(this.#bin, "bun"));
    // In a script, curl also shows its progress. In a terminal it shows only the answer.
    writeFileSync(join(this.#bin, ".curlrc"), "silent\nshow-error\n");
  }

  /** Resolves once the block has done what its kind requires. @throws Error with the command and its output */
  async perform({ kind, code }: Block): Promise<void> {
    this.#programPort ??= String(await freePort());
    if (kind.name === "starts") return this.#startServer(code);
    if (this.#server === undefined) await this.#startServer("npx fanfare start");
    if (kind.name === "runs") await this.#runToEnd(code);
    else if (kind.name === "transcript") await this.#follow(code);
    else if (kind.name === "stays") await this.#keep(code);
    else if (kind.name === "program") await this.#runProgram(code);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#alive.map((program) => program.end()));
    rmSync(this.#folder, { recursive: true });
  }

  get #bin(): string {
    return join(this.#folder, ".bin");
  }

  async #startServer(code: string): Promise<void> {
    await this.#server?.end();
    const server = this.#spawn(code.replaceAll(/--port \d+/g, "--port 0"), "0");
    const [, port = ""] = await server.until(/(?:Listening on ws|Fanfare at http)s?:\/\/[^\s/]+:(\d+)/);
    this.#server = server;
    this.#port = port;
  }

  async #runToEnd(code: string): Promise<string> {
    const program = this.#spawn(code, this.#port);
    const exitCode = await program.untilEnded();
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}:\n${code}\nprinted:\n${program.output}`);
    return program.output;
  }

  async #keep(code: string): Promise<void> {
    const program = this.#spawn(code, this.#port);
    await program.until(/\S/);
  }

  async #follow(code: string): Promise<void> {
    for (const { command, expected } of parseTranscript(code)) {
      const printed = await this.#runToEnd(command);
      if (isAsExpected(printed, this.#withPorts(expected, this.#port))) continue;
      throw new Error(`$ ${command}\nprinted:\n${printed}\nbut the page says:\n${expected}`);
    }
  }

  async #runProgram(code: string): Promise<void> {
    writeFileSync(join(this.#folder, "program.ts"), withSdkOfCheckout(this.#withPorts(code, this.#port)));
    await this.#runToEnd("bun --no-env-file program.ts");
  }

  #withPorts(text: string, serverPort: string): string {
    return text.replaceAll("8000", serverPort).replaceAll("9000", this.#programPort ?? "9000");
  }

  #spawn(code: string, port: string): Program {
    const { PATH = "", HOME = this.#folder } = process.env;
    const program = new Program(this.#withPorts(code, this.#port), {
      cwd: this.#folder,
      env: {
        PATH: [this.#bin, PATH].join(delimiter),
        HOME,
        TMPDIR: this.#folder,
        CURL_HOME: this.#bin,
        PORT: port,
        // Often, so that nothing on a page depends on the time at which the reader gets there.
        NOTIFICATION_INTERVAL: "300ms",
        SHUTDOWN_TIMEOUT: "1",
        npm_config_update_notifier: "false",
        npm_config_loglevel: "error",
      },
    });
    this.#alive.push(program);
    return program;
  }
}

/** A block of commands in a shell that stops at the first command that fails. */
class Program {
  output = "";
  readonly #ended: Promise<number | string>;
  readonly #code: string;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #isOver = false;

  constructor(code: string, options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv }) {
    this.#code = code;
    // In its own process group, so that everything the shell started is stopped with it.
    this.#child = spawn("bash", ["-euo", "pipefail", "-c", code], {
      ...options,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        for (const wake of this.#watchers) wake();
      });
    }
    this.#ended = new Promise((resolve) => {
      this.#child.on("close", (exitCode, signal) => {
        this.#isOver = true;
        resolve(exitCode ?? signal ?? "no exit code");
        for (const wake of this.#watchers) wake();
      });
    });
  }

  /** Resolves with its exit code, or with the signal that ended it. Kills it if it takes too long. */
  async untilEnded(): Promise<number | string> {
    const timer = setTimeout(() => this.#signal("SIGKILL"), defaultTimeoutMs);
    try {
      return await this.#ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves once it has printed this. @throws Error if it ends before. Kills it if it takes too long. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const timer = setTimeout(() => this.#signal("SIGKILL"), defaultTimeoutMs);
    try {
      return await this.#untilPrinted(pattern);
    } finally {
      clearTimeout(timer);
    }
  }

  async end(): Promise<void> {
    this.#signal("SIGTERM");
    await this.untilEnded();
  }

  async #untilPrinted(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output);
      if (match !== null) return match;
      if (this.#isOver) throw new Error(`ended without ${pattern}:\n${this.#code}\nprinted:\n${this.output}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#watchers.delete(wake);
          queueMicrotask(resolve);
        };
        this.#watchers.add(wake);
      });
    }
  }

  #signal(name: "SIGTERM" | "SIGKILL"): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#isOver) return;
    try {
      process.kill(-pid, name);
    } catch {
      // It exited before the signal arrived.
    }
  }
}

/** Splits a transcript into commands (`$ command`, continued after a backslash) and the output of each. */
export function parseTranscript(code: string): readonly { readonly command: string; readonly expected: string }[] {
  const steps: { command: string; expected: string }[] = [];
  for (const line of code.split("\n")) {
    const last = steps.at(-1);
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2), expected: "" });
    else if (last === undefined) throw new Error(`a transcript begins with "$ ", not with "${line}"`);
    else if (last.expected === "" && last.command.endsWith("\\")) last.command += `\n${line}`;
    else last.expected += `${line}\n`;
  }
  return steps;
}

/** Whether the text matches the page, where `…` matches anything. */
export function isAsExpected(printed: string, expected: string): boolean {
  const pattern = expected
    .trim()
    .split("…")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("[\\s\\S]*?");
  return new RegExp(`^${pattern}$`).test(printed.trim());
}
