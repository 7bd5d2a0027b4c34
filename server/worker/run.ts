import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { openLog } from "../broker/open-log.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { clearLeftovers } from "../ops/control-socket.ts";
import { FanfareServer } from "./fanfare-server.ts";
import { obeySignals, survive } from "./signals.ts";

/** Whom a running server tells. */
export interface RunEvents {
  onListening(address: ListeningAddress): void;
}

/**
 * Runs the server in this process until a signal has ended it.
 * @returns the exit code: 0, or 128 + the number of the signal that could not wait
 * @throws Error with the code EADDRINUSE where the port is taken, or what storage says when it cannot be opened
 */
export async function runServer(settings: Settings, { onListening }: RunEvents): Promise<number> {
  const broker = new EmbeddedBroker(await openLog(settings), systemClock);
  const server = new FanfareServer(settings, {
    broker,
    cluster: MemoryCluster.alone(systemClock),
    clock: systemClock,
    hasOpsListeners: true,
  });
  const address = await server.start();
  survive();
  const code = obeySignals(server);
  onListening(address);
  void clearLeftovers();
  return code;
}
