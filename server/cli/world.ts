import type { Readable } from "node:stream";
import { readTextFile } from "../config/text-file.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { LogStream } from "../lib/log-writer.ts";

/** What commands need of the process they run in, handed in so that tests can bring another. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly readStandardInput: () => Promise<string>;
  /** The standard input, for who reads it as it comes. Opened when asked for: a stream that is open keeps the process. */
  readonly openInput: () => Input;
  /** The terminal a person sits at; undefined where input or output is something else. */
  readonly terminal: () => Terminal | undefined;
  readonly clock: Clock;
  /** Waits, and keeps the process meanwhile, which a timer of the clock does not. Ends early when it is aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Calls when the end is wanted from outside: Ctrl+C, SIGTERM, SIGHUP. @returns stops that */
  readonly onInterrupt: (run: () => void) => () => void;
  /** Calls when the launcher is gone that passes on signals (bin/launch.js). @returns stops that */
  readonly onLauncherGone: (run: () => void) => () => void;
  /** From now on, the process ends without a word when nobody reads its output any more: `fanfare subscribe all | head`. */
  readonly endWhenUnread: () => void;
  /** The text of a file, or undefined where there is none. @throws Error where it cannot be read. */
  readonly readText: (path: string) => string | undefined;
}

/** One of the two standard streams. */
export interface Output extends LogStream {
  /** True where a person looks at it. */
  readonly isTTY?: boolean;
}

/** The standard input. */
export interface Input extends Readable {
  /** True where a person types it. */
  readonly isTTY?: boolean;
}

/** Both ends of a terminal, as node:readline takes them. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** What a shell says of a program that SIGPIPE ended. */
const brokenPipeCode = 141;

const interrupts = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The world of the running process. */
export const processWorld: World = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  readStandardInput: () => Bun.stdin.text(),
  openInput: () => process.stdin,
  terminal: () =>
    process.stdin.isTTY && process.stdout.isTTY ? { input: process.stdin, output: process.stdout } : undefined,
  clock: systemClock,
  sleep: async (ms, signal) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => resolve());
    await promise;
    clearTimeout(timer);
  },
  onInterrupt: (run) => {
    for (const name of interrupts) process.on(name, run);
    return () => {
      for (const name of interrupts) process.off(name, run);
    };
  },
  onLauncherGone: () => () => undefined, // main.ts watches it, once for the whole process
  endWhenUnread: () => void process.stdout.on("error", () => process.exit(brokenPipeCode)),
  readText: readTextFile,
};
