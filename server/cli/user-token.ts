import { type Command, Option } from "commander";
import { ConfigError } from "../config/settings.ts";
import type { World } from "./world.ts";

/** The token that a command connects with, as flags say it. */
export interface TokenFlags {
  readonly token?: string;
  readonly tokenFile?: string;
}

/** Gives a command `--token` and `--token-file`. */
export function addTokenFlags(command: Command): Command {
  const help = "connect as the user of this token, instead of FANFARE_TOKEN (others can see a flag: prefer the file)";
  return command
    .addOption(new Option("--token <jwt>", help).conflicts("tokenFile"))
    .addOption(new Option("--token-file <path>", "the same, from a file"));
}

/**
 * The token to connect with; undefined where there is none.
 * @throws ConfigError where the file is not there or holds nothing
 */
export function tokenOf(flags: TokenFlags, { env, readText }: Pick<World, "env" | "readText">): string | undefined {
  const { token, tokenFile } = flags;
  if (tokenFile === undefined) return token ?? (env.FANFARE_TOKEN?.trim() || undefined);
  const text = readText(tokenFile);
  const name = JSON.stringify(tokenFile);
  if (text === undefined) throw new ConfigError([`--token-file: there is no file ${name}`]);
  if (text.trim() === "") throw new ConfigError([`--token-file: expected a token in ${name}, which is empty`]);
  return text.trim();
}
