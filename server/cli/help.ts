import { Command } from "commander";
import { failUnknownCommand } from "./unknown-command.ts";

/** `fanfare help [command]`: the same as `fanfare [command] --help`. */
export function makeHelpCommand(): Command {
  const command = new Command("help")
    .description("print the help of the program or of a command")
    .argument("[command...]", "such as start, or token create")
    .action((words: readonly string[]) => {
      let found = command.parent ?? command;
      for (const word of words) {
        found = found.commands.find((it) => it.name() === word) ?? failUnknownCommand(found, word);
      }
      found.help();
    });
  return command;
}
