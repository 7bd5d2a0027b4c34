import { readTextFile } from "../config/text-file.ts";
import type { LogStream } from "../lib/log-writer.ts";

/** What commands need of the process they run in, handed in so that tests can bring another. */
export interface World {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly readStandardInput: () => Promise<string>;
  /** The text of a file, or undefined where there is none. @throws Error where it cannot be read. */
  readonly readText: (path: string) => string | undefined;
}

/** One of the two standard streams. */
export interface Output extends LogStream {
  /** True where a person looks at it. */
  readonly isTTY?: boolean;
}

/** The world of the running process. */
export const processWorld: World = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  readStandardInput: () => Bun.stdin.text(),
  readText: readTextFile,
};
