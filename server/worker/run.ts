import { constants } from "node:os";
import { getLogger } from "@logtape/logtape";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { MemoryLog } from "../broker/memory/log.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { FanfareServer } from "./fanfare-server.ts";

const log = () => getLogger(["fanfare", "worker"]);

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
  const broker = new EmbeddedBroker(new MemoryLog({ totalBytes: settings.historyBytesTotal }), systemClock);
  const server = new FanfareServer(settings, { broker, cluster: MemoryCluster.alone(systemClock), clock: systemClock });
  const address = await server.start();
  survive();
  const code = obeySignals(server);
  onListening(address);
  return code;
}

/** One connection's misfortune is not everybody's: what nobody caught is logged, and the server goes on. */
function survive(): void {
  process.on("uncaughtException", (error) => log().error("An error that nobody caught: {error}", { error }));
  process.on("unhandledRejection", (error) => log().error("A rejection that nobody caught: {error}", { error }));
}

/** The first signal lets everyone leave, the second one nobody, the third is the end. */
function obeySignals(server: FanfareServer): Promise<number> {
  return new Promise((resolve, reject) => {
    let received = 0;
    const obey = (signal: NodeJS.Signals) => {
      received++;
      const code = 128 + constants.signals[signal];
      if (received === 1) server.stop().then(() => received === 1 && resolve(0), reject);
      else if (received === 2) server.stopNow().then(() => resolve(code), reject);
      else process.exit(code);
    };
    process.on("SIGINT", obey).on("SIGTERM", obey);
    // The terminal is gone. Without one it is a request to reload, which takes workers.
    process.on("SIGHUP", (signal) => {
      if (process.stdin.isTTY) obey(signal);
      else log().warning("SIGHUP ignored: a reload needs workers");
    });
  });
}
