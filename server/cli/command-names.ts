/** The names of all commands, in the order in which the help lists them. */
export const commandNames = [
  "start",
  "connect",
  "publish",
  "schedule",
  "subscribe",
  "status",
  "trace",
  "tail",
  "drain",
  "reload",
  "upgrade",
  "token",
  "explain",
  "data",
  "config",
  "completion",
  "help",
] as const;

export type CommandName = (typeof commandNames)[number];

/** The command that runs if none is named: `fanfare --port 9000`. */
export const defaultCommand: CommandName = "start";
