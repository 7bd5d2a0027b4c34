import { Argument, Command } from "commander";
import { bashCompletion, fishCompletion, zshCompletion } from "./completion-scripts.ts";
import type { CommandContext } from "./context.ts";

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

type Shell = keyof typeof scripts;

/** `fanfare completion bash|zsh|fish`: prints a script that completes commands, flags and their values. */
export function makeCompletionCommand({ print }: CommandContext): Command {
  const command = new Command("completion")
    .description("print a script that completes commands and flags in your shell")
    .addArgument(new Argument("<shell>").choices(Object.keys(scripts)))
    .addHelpText(
      "after",
      `
Examples:
  fanfare completion bash >> ~/.bashrc
  fanfare completion zsh >> ~/.zshrc
  fanfare completion fish > ~/.config/fish/completions/fanfare.fish
`,
    )
    .action((shell: Shell) => print(scripts[shell](command.parent ?? command).trimEnd()));
  return command;
}
