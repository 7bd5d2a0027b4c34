import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { systemClock } from "../lib/clock.ts";
import { runCli } from "./cli.ts";
import type { World } from "./world.ts";

/** What a test sets up: everything that is left out is empty. */
export interface FakeWorld {
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Takes no time where nothing is said. */
  readonly sleep?: (ms: number) => Promise<void>;
  readonly isTTY?: boolean;
}

/** What a person saw. */
export interface Seen {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line in a world of its own, for tests. */
export async function runInFakeWorld(args: readonly string[], given: FakeWorld = {}): Promise<Seen> {
  const { env = {}, files = {}, input = "", isTTY = false, sleep = async () => {} } = given;
  const [stdout, stderr] = [new FakeStream(isTTY), new FakeStream(isTTY)];
  const world: World = {
    env,
    stdout,
    stderr,
    readStandardInput: async () => input,
    openInput: () => Readable.from([input]),
    terminal: () => undefined,
    clock: systemClock,
    sleep,
    onInterrupt: () => () => {},
    jobControl: { suspend: () => {}, onContinue: () => () => {} },
    onLauncherGone: () => () => {},
    endWhenUnread: () => {},
    readText: (path) => files[path],
  };
  const code = await runCli(args, world);
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
