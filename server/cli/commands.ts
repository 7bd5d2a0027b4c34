import type { Command } from "commander";
import type { CommandContext } from "./context.ts";
import { makeStartCommand } from "./start.ts";
import { makeTokenCommand } from "./token.ts";

/** Every command of the program, in the order in which the help lists them. A new one is one file and one line here. */
export const commands: readonly ((context: CommandContext) => Command)[] = [makeStartCommand, makeTokenCommand];

/** What runs where no command is named: `fanfare --port 9000`. */
export const defaultCommand = "start";
