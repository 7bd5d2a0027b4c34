import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { IdleCollector } from "../lib/idle-collector.ts";
import { clearLeftovers } from "../ops/control-socket.ts";
import { openBackbone } from "./backbone.ts";
import { FanfareServer } from "./fanfare-server.ts";
import { isAtTerminal, type OnLauncherGone, obeySignals, survive } from "./signals.ts";

/** What a running server and the program around it tell each other. */
export interface RunEvents {
  onListening(address: ListeningAddress): void;
  readonly onLauncherGone: OnLauncherGone;
}

/**
 * Runs the server in this process until a signal has ended it.
 * @returns the exit code: 0, or 128 + the number of the signal that could not wait
 * @throws Error with the code EADDRINUSE where the port is taken, or what storage says when it cannot be opened
 */
export async function runServer(settings: Settings, { onListening, onLauncherGone }: RunEvents): Promise<number> {
  const hasTerminal = isAtTerminal();
  const server = new FanfareServer(settings, {
    ...(await openBackbone(settings)),
    clock: systemClock,
    hasOpsListeners: true,
    hasTerminal,
  });
  const address = await server.start();
  survive();
  const collector = new IdleCollector(systemClock);
  const code = obeySignals(server, { hasTerminal, onLauncherGone }).finally(() => collector.close());
  onListening(address);
  void clearLeftovers();
  return code;
}
