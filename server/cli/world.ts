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
  readonly jobControl: JobControl;
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

/** Ctrl+Z for a program that reads a terminal key by key, so that Ctrl+Z is a key like any other. */
export interface JobControl {
  /**
   * Stops the whole job until the shell continues it. The terminal must have been given back before: once the shell has it,
   * whoever changes it is stopped once more.
   */
  suspend(): void;
  /** Calls `run` each time after this process was stopped, by `suspend` or by anything else. @returns stops that */
  onContinue(run: () => void): () => void;
}

/** What a shell says of a program that SIGPIPE ended. */
const brokenPipeCode = 141;

const sameContinuationMs = 100;

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
  jobControl: makeJobControl(),
  onLauncherGone: () => () => undefined, // main.ts watches it, once for the whole process
  endWhenUnread: () => void process.stdout.on("error", () => process.exit(brokenPipeCode)),
  readText: readTextFile,
};

function makeJobControl(): JobControl {
  const listeners = new Set<() => void>();
  let continuedAt = Number.NEGATIVE_INFINITY;
  const go = () => {
    // SIGCONT, and the turn that follows the stop, are one and the same.
    if (performance.now() - continuedAt < sameContinuationMs) return;
    continuedAt = performance.now();
    for (const run of listeners) run();
  };
  return {
    suspend: () => {
      // The launcher too: to the shell it is the job, and a job that goes on running keeps the terminal.
      process.kill(0, "SIGTSTP");
      // The system ignores it where there is no shell that could continue the job. Then this turn simply goes on.
      setImmediate(go);
    },
    onContinue: (run) => {
      listeners.add(run);
      process.on("SIGCONT", go);
      return () => {
        listeners.delete(run);
        process.off("SIGCONT", go);
      };
    },
  };
}
