import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { systemClock } from "../lib/clock.ts";
import { runCli } from "./cli.ts";
import type { CliEnvironment } from "./cli-environment.ts";

/** Settings of a test. Everything omitted is empty. */
export interface FakeCliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Default: resolves at once. */
  readonly sleep?: (ms: number) => Promise<void>;
  readonly isTTY?: boolean;
  /** Ctrl+C is pressed when this is aborted. */
  readonly interrupt?: AbortSignal;
  /** Default: `fanfare`. */
  readonly programName?: string;
}

/** The output and exit code of a command. */
export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command in a fake process environment, for tests. */
export async function runFakeCli(args: readonly string[], given: FakeCliOptions = {}): Promise<CliResult> {
  const { env = {}, files = {}, input = "", isTTY = false, sleep = async () => {} } = given;
  const [stdout, stderr] = [new FakeStream(isTTY), new FakeStream(isTTY)];
  const environment: CliEnvironment = {
    programName: given.programName ?? "fanfare",
    env,
    stdout,
    stderr,
    readStandardInput: async () => input,
    openInput: () => Readable.from([input]),
    terminal: () => undefined,
    clock: systemClock,
    sleep,
    onInterrupt: (run) => {
      given.interrupt?.addEventListener("abort", run);
      return () => given.interrupt?.removeEventListener("abort", run);
    },
    jobControl: { suspend: () => {}, onContinue: () => () => {} },
    onLauncherGone: () => () => {},
    exitOnOutputError: () => {},
    readText: (path) => files[path],
  };
  const code = await runCli(args, environment);
  return { code, out: stdout.text, err: stderr.text };
}

class FakeStream extends EventEmitter {
  text = "";
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super();
    this.isTTY = isTTY;
  }

  write(text: string): boolean {
    this.text += text;
    return true;
  }
}
