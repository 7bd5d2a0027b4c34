import type { Readable } from "node:stream";
import { readTextFile } from "../config/text-file.ts";
import { type Clock, systemClock } from "../lib/clock.ts";
import type { LogStream } from "../lib/log-writer.ts";
import { isSingleExecutable } from "../supervisor/worker-command.ts";
import { findProgramName } from "./program-name.ts";

/** The process that commands run in, passed in so that tests can replace it. */
export interface CliEnvironment {
  /** How the user runs the program: `fanfare` or `npx fanfare`. */
  readonly programName: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly readStandardInput: () => Promise<string>;
  /** The standard input as a stream. It is opened only on demand, because an open stream keeps the process alive. */
  readonly openInput: () => Input;
  /** The terminal; undefined unless both input and output are one. */
  readonly terminal: () => Terminal | undefined;
  readonly clock: Clock;
  /** Waits, and keeps the process alive, which the clock's timers do not. Returns early if aborted. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Calls `run` on Ctrl+C, SIGTERM and SIGHUP. @returns removes the listener */
  readonly onInterrupt: (run: () => void) => () => void;
  readonly jobControl: JobControl;
  /** Calls `run` when the launcher (bin/launch.js) dies. @returns removes the listener */
  readonly onLauncherGone: (run: () => void) => () => void;
  /** The file descriptor of the pipe to the launcher, if there is one. */
  readonly launcherPipe?: string | undefined;
  /**
   * From now on the process exits when its output cannot be written: silently if nobody reads it any more
   * (`fanfare subscribe all | head`), otherwise with an error, such as for a full disk.
   */
  readonly exitOnOutputError: () => void;
  /** The text of a file; undefined if it does not exist. @throws Error if it cannot be read. */
  readonly readText: (path: string) => string | undefined;
}

/** One of the two standard streams. */
export interface Output extends LogStream {
  /** True for a terminal. */
  readonly isTTY?: boolean;
}

/** The standard input. */
export interface Input extends Readable {
  /** True for a terminal. */
  readonly isTTY?: boolean;
}

/** Both ends of a terminal, as node:readline takes them. */
export interface Terminal {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** Handles Ctrl+Z in raw mode, in which the terminal does not turn it into a signal. */
export interface JobControl {
  /**
   * Stops the whole job until the shell continues it. Leave raw mode first: a background process that changes the terminal is
   * stopped again.
   */
  suspend(): void;
  /** Calls `run` each time this process continues after a stop, by `suspend` or any other signal. @returns removes the listener */
  onContinue(run: () => void): () => void;
}

/** The shell's exit code for a program ended by SIGPIPE. */
const brokenPipeCode = 141;

const sameContinuationMs = 100;

const interrupts = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The environment of the running process. */
export const processEnvironment: CliEnvironment = {
  programName: findProgramName(process.env, isSingleExecutable() ? process.execPath : undefined),
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
  exitOnOutputError: () => void process.stdout.on("error", exitFor),
  readText: readTextFile,
};

function exitFor(error: NodeJS.ErrnoException): never {
  if (error.code === "EPIPE") process.exit(brokenPipeCode);
  process.stderr.write(`error: the output cannot be written: ${error.message}\n`);
  process.exit(1);
}

function makeJobControl(): JobControl {
  const listeners = new Set<() => void>();
  let continuedAt = Number.NEGATIVE_INFINITY;
  const go = () => {
    // SIGCONT and the immediate after the stop announce the same continuation.
    if (performance.now() - continuedAt < sameContinuationMs) return;
    continuedAt = performance.now();
    for (const run of listeners) run();
  };
  return {
    suspend: () => {
      // Stops the whole group with the launcher: the launcher is the shell's job, and a running job keeps the terminal.
      process.kill(0, "SIGTSTP");
      // Without a shell that could continue the job, the system ignores SIGTSTP. Then the process simply continues.
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
