import type { Examined } from "../config/load.ts";
import type { CliEnvironment } from "./cli-environment.ts";

/** Dependencies of every command. */
export interface CommandContext extends CliEnvironment {
  /** Writes one or more lines to the standard output. */
  print(lines: string): void;
  /** The settings from file, `.env` and environment, without flags. Their problems may not matter to the command. */
  settings(): Examined;
  /** Sets the exit code of the program, which is 0 by default. The command still runs to its end. */
  exitWith(code: number): void;
}

/**
 * A failure to report to the user: each line of the message is printed to the standard error, without a stack, and the exit
 * code is 1. Wrong settings are a `ConfigError` (exit code 2). Anything else that is thrown is a bug.
 */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
