import { type Command, Option } from "commander";
import { ConfigError } from "../config/settings.ts";
import type { CliEnvironment } from "./cli-environment.ts";

/** The flags for the token that a command connects with. */
export interface TokenFlags {
  readonly token?: string;
  readonly tokenFile?: string;
}

/** Adds `--token` and `--token-file` to a command. */
export function addTokenFlags(command: Command): Command {
  const help =
    "connect with this token, instead of FANFARE_TOKEN (flags are visible in the process list: prefer the file)";
  return command
    .addOption(new Option("--token <jwt>", help).conflicts("tokenFile"))
    .addOption(new Option("--token-file <path>", "read the token from a file"));
}

/**
 * The token to connect with; undefined if none is given.
 * @throws ConfigError if the file is missing or empty
 */
export function tokenOf(
  flags: TokenFlags,
  { env, readText }: Pick<CliEnvironment, "env" | "readText">,
): string | undefined {
  const { token, tokenFile } = flags;
  if (tokenFile === undefined) return token ?? (env.FANFARE_TOKEN?.trim() || undefined);
  const text = readText(tokenFile);
  const name = JSON.stringify(tokenFile);
  if (text === undefined) throw new ConfigError([`--token-file: there is no file ${name}`]);
  if (text.trim() === "") throw new ConfigError([`--token-file: expected a token in ${name}, which is empty`]);
  return text.trim();
}
