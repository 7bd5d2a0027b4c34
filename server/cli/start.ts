import { getLogger } from "@logtape/logtape";
import { Command } from "commander";
import { UnusableStorage } from "../broker/unusable-storage.ts";
import { loadSettings } from "../config/load.ts";
import { secretsOf } from "../config/secrets.ts";
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { UnusableOpsPort } from "../http/unusable-ops-port.ts";
import { makeLogWriter } from "../lib/log-writer.ts";
import { configureLogging } from "../lib/logging.ts";
import { openFilesLimit, openFilesWarning } from "../lib/open-files.ts";
import { WorkerFailure } from "../supervisor/worker-failure.ts";
import { type CommandContext, CommandError } from "./context.ts";
import { greeting } from "./greeting.ts";
import { refuseCommand } from "./refuse-command.ts";
import { addSettingFlags, settingFlagsOf } from "./start-flags.ts";

const log = () => getLogger(["fanfare", "start"]);

/** `fanfare start`: runs a server until a signal ends it and its clients have left. */
export function makeStartCommand(context: CommandContext): Command {
  const command = new Command("start")
    .description("start a server (what `fanfare` does without a command)")
    .usage("[options]")
    .allowExcessArguments()
    .addHelpText("after", examples)
    .action(async () => {
      // As the default command it also gets what was meant to be another one: `fanfare strat`.
      const [word] = command.args;
      if (word !== undefined) refuseCommand(command.parent ?? command, word);
      await start(context, command);
    });
  return addSettingFlags(command);
}

const examples = `
Every setting can also stand in the environment, in .env, or in the settings file: --history-size is HISTORY_SIZE there.
Flags win over the environment, which wins over .env, which wins over the file.

Examples:
  fanfare start                            open, on 127.0.0.1:8000: to try it out
  fanfare start --port 9000 --log-level debug
  fanfare start --host 0.0.0.0 --api-key-file key.txt --jwt-secret-file secret.txt
  fanfare start --config production.yaml
`;

async function start(context: CommandContext, command: Command): Promise<void> {
  const { env, readText, stdout } = context;
  const { settings, warnings } = loadSettings({ env, readText, ...settingFlagsOf(command) });
  const isTalking = stdout.isTTY === true && settings.logFormat !== "json";
  configureLogging({
    level: settings.logLevel,
    format: settings.logFormat,
    write: makeLogWriter(stdout),
    secrets: secretsOf(settings),
    hasColors: stdout.isTTY === true && !env.NO_COLOR,
  });
  for (const warning of warnings) log().warning`${warning}`;
  // Loaded here, so that every other command starts without the server's code.
  const run =
    settings.workers === undefined
      ? (await import("../worker/run.ts")).runServer
      : (await import("../supervisor/run.ts")).runSupervisor;
  const onListening = (address: ListeningAddress) => {
    // Only now: where the start fails, its error stands alone.
    const warning = openFilesWarning(settings.maxConnections, openFilesLimit());
    if (warning !== undefined) log().warning`${warning}`;
    if (isTalking) context.print(greeting(settings, address));
    else logListening(settings, address);
  };
  try {
    context.exitWith(await run(settings, { onListening, onLauncherGone: context.onLauncherGone }));
  } catch (error) {
    throw startFailure(error, settings) ?? error;
  }
}

function logListening({ isSecured, wsPath }: Settings, { host, port, isTls }: ListeningAddress): void {
  const name = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
  log().info`Listening on ${isTls ? "wss" : "ws"}://${name}:${port}${wsPath} (${isSecured ? "secured" : "open"})`;
  log().info`Waiting for clients; Ctrl+C stops the server`;
}

/** Why a server could not start, for a person; undefined for what is no person's fault. */
function startFailure(error: unknown, { host, port }: Settings): CommandError | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const options = { cause: error };
  if (code === "EADDRINUSE") {
    const wayOut = `stop the program that has it, or choose another port: --port ${port < 65_535 ? port + 1 : port - 1} (PORT)`;
    return new CommandError(`port ${port} of ${host} is in use: ${wayOut}`, options);
  }
  if (code === "EADDRNOTAVAIL") {
    return new CommandError(`HOST: this machine has no address ${host}: try 127.0.0.1, or 0.0.0.0 for all`, options);
  }
  if (code === "EACCES") {
    return new CommandError(`PORT: this user may not listen on ${port}: try one above 1023, such as 8000`, options);
  }
  const isExplained = [UnusableOpsPort, UnusableStorage, WorkerFailure].some((it) => error instanceof it);
  return isExplained && error instanceof Error ? new CommandError(error.message, options) : undefined;
}
