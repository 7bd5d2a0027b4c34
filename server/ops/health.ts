import type { Peers } from "../cluster/peers.ts";

/** What operations look at, and the one thing that they do. */
export interface OpsDependencies {
  /** The other workers, and how many connections there are. */
  readonly peers: Peers;
  /** Whether publishing can work now. */
  isHealthy(): boolean;
  isDraining(): boolean;
  /** Begins to stop the whole server, as the first signal does. Idempotent. */
  drain(): void;
  /** Unix milliseconds. */
  readonly startedAt: number;
}

/** For people and load balancers: 200 while the process lives, draining included. Connections are those of all workers. */
export function health({ peers, isDraining, startedAt }: OpsDependencies, now: number) {
  return {
    status: isDraining() ? "draining" : "healthy",
    connections: peers.roster.online,
    uptime: "running",
    uptime_s: Math.floor((now - startedAt) / 1000),
  };
}

/** Whether new clients should be sent here. */
export function isReady({ isHealthy, isDraining }: OpsDependencies): boolean {
  return isHealthy() && !isDraining();
}
