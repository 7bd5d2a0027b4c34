import packageJson from "../../package.json" with { type: "json" };
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { IdleCollector } from "../lib/idle-collector.ts";
import { clearLeftovers } from "../ops/control-socket.ts";
import { openTracing } from "../telemetry/open-tracing.ts";
import { openBackbone } from "./backbone.ts";
import { FanfareServer } from "./fanfare-server.ts";
import { handleSignals, isAtTerminal, logUncaughtErrors, type OnLauncherGone } from "./signals.ts";

/** Callbacks between a running server and the command line. */
export interface RunEvents {
  onListening(address: ListeningAddress): void;
  readonly onLauncherGone: OnLauncherGone;
  /** Reads the settings again, for a reload. @throws ConfigError */
  readSettings(): Settings;
  /** The data that the former program handed over, if this one takes over; see supervisor/takeover.ts. */
  readonly takeoverPath?: string | undefined;
  /** The file descriptor of the pipe to the launcher, if there is one. */
  readonly launcherPipe?: string | undefined;
  /** A reload has replaced the workers: these are the settings of the server now. */
  onReloaded(settings: Settings): void;
}

/**
 * Runs the server in this process until it has stopped.
 * @returns the exit code: 0, or 128 + the number of the second signal
 * @throws Error with the code EADDRINUSE if the port is in use, or the error of a storage that cannot be opened
 */
export async function runServer(
  settings: Settings,
  { onListening, onLauncherGone }: Pick<RunEvents, "onListening" | "onLauncherGone">,
): Promise<number> {
  const hasTerminal = isAtTerminal();
  const server = new FanfareServer(settings, {
    ...(await openBackbone(settings)),
    tracing: await openTracing(settings, { version: packageJson.version, name: "server" }),
    clock: systemClock,
    hasOpsListeners: true,
    hasTerminal,
  });
  const address = await server.start();
  logUncaughtErrors();
  const collector = new IdleCollector(systemClock);
  const code = handleSignals(server, { hasTerminal, onLauncherGone }).finally(() => collector.close());
  onListening(address);
  void clearLeftovers();
  return code;
}
