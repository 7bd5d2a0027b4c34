import { getLogger } from "@logtape/logtape";
import { Command } from "commander";
import { loadSettings } from "../config/load.ts";
import { secretsOf } from "../config/secrets.ts";
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { UnusableOpsPort } from "../http/unusable-ops-port.ts";
import { makeLogWriter } from "../lib/log-writer.ts";
import { configureLogging } from "../lib/logging.ts";
import { openFilesLimit, openFilesWarning } from "../lib/open-files.ts";
import { RedisUnreachable, RedisUnusable } from "../lib/redis/unreachable.ts";
import { UnusableStorage } from "../lib/unusable-storage.ts";
import { takeoverVariable } from "../supervisor/takeover.ts";
import { rehearsalLine, rehearsalVariable } from "../supervisor/upgrade.ts";
import { WorkerFailure } from "../supervisor/worker-failure.ts";
import { startupBanner } from "./banner.ts";
import { commandNames } from "./command-names.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { addSettingFlags, settingFlagsOf } from "./start-flags.ts";
import { failUnknownCommand } from "./unknown-command.ts";

const log = () => getLogger(["fanfare", "start"]);

/** `fanfare start`: runs a server until it is told to stop and its clients have left. */
export function makeStartCommand(context: CommandContext): Command {
  const command = new Command("start")
    .description("start a server (the default command)")
    .usage("[options]")
    .allowExcessArguments()
    .addHelpText("after", examples)
    .action(async () => {
      // The default command also receives mistyped commands: `fanfare strat`.
      const [word] = command.args;
      if (word !== undefined) failUnknownCommand(command.parent ?? command, word, commandNames);
      await start(context, command);
    });
  return addSettingFlags(command);
}

const examples = `
Every setting can also be set in the environment, in .env or in the settings file: --history-size is HISTORY_SIZE there.
Flags win over the environment, which wins over .env, which wins over the settings file.

Examples:
  fanfare start                            an open server on 127.0.0.1:8000, to try it out
  fanfare start --port 9000 --log-level debug
  fanfare start --host 0.0.0.0 --api-key-file key.txt --jwt-secret-file secret.txt
  fanfare start --config production.yaml
`;

async function start(context: CommandContext, command: Command): Promise<void> {
  const { env, readText, stdout } = context;
  const flags = settingFlagsOf(command);
  const { settings, warnings } = loadSettings({ env, readText, ...flags });
  const showsBanner = stdout.isTTY === true && settings.logFormat !== "json";
  const write = makeLogWriter(stdout);
  const applyLogging = (its: Settings) =>
    configureLogging({
      level: its.logLevel,
      format: its.logFormat,
      write,
      // The supervisor keeps running through a reload, and may still log a secret of the previous settings.
      secrets: [...new Set([...secretsOf(settings), ...secretsOf(its)])],
      hasColors: stdout.isTTY === true && !env.NO_COLOR,
    });
  applyLogging(settings);
  for (const warning of warnings) log().warning`${warning}`;
  // Imported here, so that the other commands start without loading the server.
  const run =
    settings.workers === undefined
      ? (await import("../worker/run.ts")).runServer
      : (await import("../supervisor/run.ts")).runSupervisor;
  const onListening = (address: ListeningAddress) => {
    // Logged only now, so that a failed start prints its error and nothing else.
    const warning = openFilesWarning(settings.maxConnections, openFilesLimit());
    if (warning !== undefined) log().warning`${warning}`;
    if (showsBanner) context.print(startupBanner(settings, address));
    else logListening(settings, address);
  };
  if (env[rehearsalVariable] !== undefined) {
    context.print(rehearsalLine());
    return;
  }
  const { onLauncherGone, launcherPipe } = context;
  const takeoverPath = env[takeoverVariable];
  const readSettings = () => readAgain(context, flags);
  try {
    context.exitWith(
      await run(settings, {
        onListening,
        onLauncherGone,
        readSettings,
        onReloaded: applyLogging,
        takeoverPath,
        launcherPipe,
      }),
    );
  } catch (error) {
    throw startFailure(error, settings) ?? error;
  }
}

/** @throws ConfigError */
function readAgain({ env, readText }: CommandContext, flags: ReturnType<typeof settingFlagsOf>): Settings {
  const { settings, warnings } = loadSettings({ env, readText, ...flags });
  for (const warning of warnings) log().warning`${warning}`;
  return settings;
}

function logListening({ isSecured, wsPath }: Settings, { host, port, isTls }: ListeningAddress): void {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  log().info`Listening on ${isTls ? "wss" : "ws"}://${name}:${port}${wsPath} (${isSecured ? "secured" : "open"})`;
  log().info`Waiting for clients; Ctrl+C stops the server`;
}

/** The error to show if the server cannot start because of its environment; undefined for a bug. */
function startFailure(error: unknown, { host, port }: Settings): CommandError | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const options = { cause: error };
  if (code === "EADDRINUSE") {
    const hint = `stop the other program, or choose another port: --port ${port < 65_535 ? port + 1 : port - 1} (PORT)`;
    return new CommandError(`port ${port} on ${host} is already in use: ${hint}`, options);
  }
  if (code === "EADDRNOTAVAIL") {
    return new CommandError(
      `HOST: this machine does not have the address ${host}: use 127.0.0.1, or 0.0.0.0 for all addresses`,
      options,
    );
  }
  if (code === "EACCES") {
    return new CommandError(`PORT: no permission to listen on port ${port}: use one above 1023, such as 8000`, options);
  }
  if (error instanceof RedisUnusable || error instanceof RedisUnreachable) {
    return new CommandError(`REDIS_URL: ${error.message}`, options);
  }
  const isExplained = [UnusableOpsPort, UnusableStorage, WorkerFailure].some((it) => error instanceof it);
  return isExplained && error instanceof Error ? new CommandError(error.message, options) : undefined;
}
