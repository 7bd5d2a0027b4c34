import type { Peers } from "../cluster/peers.ts";
import type { Clock } from "../lib/clock.ts";
import type { Rolls } from "./rolls.ts";

/** Dependencies of the operations endpoints. */
export interface OpsDependencies {
  /** The other workers, and how many connections there are. */
  readonly peers: Peers;
  /** Whether all workers have started, and the server can publish. */
  isHealthy(): boolean;
  isDraining(): boolean;
  /** Starts to drain the whole server, as the first signal does. Idempotent. */
  drain(): void;
  /** Undefined for a server without a supervisor. */
  readonly rolls?: Rolls | undefined;
  /** Whole seconds since the server started, by the monotonic clock. */
  uptimeS(): number;
}

/** The body of `/health`. The connections are those of all workers. */
export function health({ peers, isDraining, uptimeS }: OpsDependencies) {
  return {
    status: isDraining() ? "draining" : "healthy",
    connections: peers.roster.online,
    uptime: "running",
    uptime_s: uptimeS(),
  };
}

/** Whether new clients should be sent here. */
export function isReady({ isHealthy, isDraining }: OpsDependencies): boolean {
  return isHealthy() && !isDraining();
}

/** Starts to measure the uptime. @returns `OpsDependencies.uptimeS` */
export function startUptime(clock: Pick<Clock, "monotonic">): () => number {
  const startedAt = clock.monotonic();
  return () => Math.floor((clock.monotonic() - startedAt) / 1000);
}
