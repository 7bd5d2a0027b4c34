import type { Examined } from "../config/load.ts";
import type { World } from "./world.ts";

/** What every command is made with. */
export interface CommandContext extends World {
  /** Writes one line, or several, to the standard output. */
  print(lines: string): void;
  /** The settings of file, `.env` and environment, without flags; what is wrong with them may be no matter to the command. */
  settings(): Examined;
  /** How the program ends when the command has ended; 0 where nobody says anything. */
  exitWith(code: number): void;
}

/**
 * A failure that the person is told about: one line each on the standard error, no stack, exit code 1. Wrong settings are
 * a `ConfigError` instead (exit code 2); anything else that is thrown is a bug.
 */
export class CommandError extends Error {
  override readonly name = "CommandError";
}
