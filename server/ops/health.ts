import type { Peers } from "../cluster/peers.ts";
import type { Clock } from "../lib/clock.ts";

/** What operations look at, and the one thing that they do. */
export interface OpsDependencies {
  /** The other workers, and how many connections there are. */
  readonly peers: Peers;
  /** Whether publishing can work now. */
  isHealthy(): boolean;
  isDraining(): boolean;
  /** Begins to stop the whole server, as the first signal does. Idempotent. */
  drain(): void;
  /** Whole seconds since the server started; setting the wall clock does not move it. */
  uptimeS(): number;
}

/** For people and load balancers: 200 while the process lives, draining included. Connections are those of all workers. */
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

/** Begins to count. @returns `OpsDependencies.uptimeS` */
export function startUptime(clock: Pick<Clock, "monotonic">): () => number {
  const startedAt = clock.monotonic();
  return () => Math.floor((clock.monotonic() - startedAt) / 1000);
}
