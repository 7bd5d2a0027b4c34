import type { Command } from "commander";
import { makeCompletionCommand } from "./completion.ts";
import { makeConfigCommand } from "./config.ts";
import { makeConnectCommand } from "./connect.ts";
import type { CommandContext } from "./context.ts";
import { makeDataCommand } from "./data.ts";
import { makeDrainCommand } from "./drain.ts";
import { makeExplainCommand } from "./explain.ts";
import { makeHelpCommand } from "./help.ts";
import { makePublishCommand } from "./publish.ts";
import { makeReloadCommand, makeUpgradeCommand } from "./reload.ts";
import { makeScheduleCommand } from "./schedule.ts";
import { makeStartCommand } from "./start.ts";
import { makeStatusCommand } from "./status.ts";
import { makeSubscribeCommand } from "./subscribe.ts";
import { makeTailCommand } from "./tail.ts";
import { makeTokenCommand } from "./token.ts";
import { configuredKeys } from "./token-keys.ts";
import { makeTraceCommand } from "./trace.ts";

/** All commands, in the order in which the help lists them. */
export const commands: readonly ((context: CommandContext) => Command)[] = [
  makeStartCommand,
  makeConnectCommand,
  makePublishCommand,
  makeScheduleCommand,
  makeSubscribeCommand,
  makeStatusCommand,
  makeTraceCommand,
  makeTailCommand,
  makeDrainCommand,
  makeReloadCommand,
  makeUpgradeCommand,
  (context) => makeTokenCommand({ ...context, configured: () => configuredKeys(context.settings()) }),
  makeExplainCommand,
  makeDataCommand,
  makeConfigCommand,
  makeCompletionCommand,
  makeHelpCommand,
];

/** The command that runs if none is named: `fanfare --port 9000`. */
export const defaultCommand = "start";
