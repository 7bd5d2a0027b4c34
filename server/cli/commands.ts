import type { Command } from "commander";
import { type CommandName, commandNames, defaultCommand } from "./command-names.ts";
import type { CommandContext } from "./context.ts";

type MakeCommand = (context: CommandContext) => Command;

/** Loads the commands, because a server would keep those that it does not use in memory. */
const loaders: Readonly<Record<CommandName, () => Promise<MakeCommand>>> = {
  start: async () => (await import("./start.ts")).makeStartCommand,
  connect: async () => (await import("./connect.ts")).makeConnectCommand,
  publish: async () => (await import("./publish.ts")).makePublishCommand,
  schedule: async () => (await import("./schedule.ts")).makeScheduleCommand,
  subscribe: async () => (await import("./subscribe.ts")).makeSubscribeCommand,
  status: async () => (await import("./status.ts")).makeStatusCommand,
  trace: async () => (await import("./trace.ts")).makeTraceCommand,
  tail: async () => (await import("./tail.ts")).makeTailCommand,
  drain: async () => (await import("./drain.ts")).makeDrainCommand,
  reload: async () => (await import("./reload.ts")).makeReloadCommand,
  upgrade: async () => (await import("./reload.ts")).makeUpgradeCommand,
  token: async () => {
    const { configuredKeys } = await import("./token-keys.ts");
    const { makeTokenCommand } = await import("./token.ts");
    return (context) => makeTokenCommand({ ...context, configured: () => configuredKeys(context.settings()) });
  },
  explain: async () => (await import("./explain.ts")).makeExplainCommand,
  data: async () => (await import("./data.ts")).makeDataCommand,
  config: async () => (await import("./config.ts")).makeConfigCommand,
  completion: async () => (await import("./completion.ts")).makeCompletionCommand,
  help: async () => (await import("./help.ts")).makeHelpCommand,
};

/** The commands that these arguments may need: one of them, or all for the help. */
export function loadCommands(args: readonly string[]): Promise<readonly MakeCommand[]> {
  const names = startsServer(args) ? [defaultCommand] : commandNames;
  return Promise.all(names.map((name) => loaders[name]()));
}

/** The flags of the program itself, whose help lists all commands. */
const programFlags: ReadonlySet<string> = new Set(["-h", "--help", "-v", "--version"]);

function startsServer(args: readonly string[]): boolean {
  const [first = defaultCommand] = args;
  return (first === defaultCommand || first.startsWith("-")) && !args.some((it) => programFlags.has(it));
}
