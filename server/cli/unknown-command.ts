import type { Command } from "commander";
import { nearest } from "../../protocol/nearest.ts";

/**
 * Fails with "unknown command", and suggests a similar one if there is one.
 * @param names those of all commands; by default those that are loaded
 */
export function failUnknownCommand(
  above: Command,
  word: string,
  names: readonly string[] = above.commands.map((it) => it.name()),
): never {
  const guess = nearest(word, names);
  const list = names.length === 0 ? `${above.name()} has no subcommands` : `expected one of ${names.join(", ")}`;
  const hint = guess === undefined ? list : `did you mean ${guess}?`;
  return above.error(`error: unknown command '${word}': ${hint}`, { exitCode: 2, code: "usage" });
}
