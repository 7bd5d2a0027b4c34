import type { Command } from "commander";
import { nearest } from "../lib/nearest.ts";

/** Ends the program: there is no such command below this one, but perhaps a similar one. */
export function refuseCommand(above: Command, word: string): never {
  const names = above.commands.map((it) => it.name());
  const guess = nearest(word, names);
  const list = names.length === 0 ? `${above.name()} has none below it` : `there are ${names.join(", ")}`;
  const wayOut = guess === undefined ? list : `did you mean ${guess}?`;
  return above.error(`error: unknown command '${word}': ${wayOut}`, { exitCode: 2, code: "usage" });
}
