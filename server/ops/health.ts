import type { Hub } from "../hub/hub.ts";

/** What operations look at. */
export interface OpsDoors {
  readonly hub: Hub;
  isDraining(): boolean;
  /** Unix milliseconds. */
  readonly startedAt: number;
}

/** For people and load balancers: 200 while the process lives, draining included. Connections are those of all workers. */
export function health({ hub, isDraining, startedAt }: OpsDoors, now: number) {
  return {
    status: isDraining() ? "draining" : "healthy",
    connections: hub.peers.roster.online,
    uptime: "running",
    uptime_s: Math.floor((now - startedAt) / 1000),
  };
}

/** Whether new clients should be sent here. */
export function isReady({ hub, isDraining }: OpsDoors): boolean {
  return hub.isHealthy && !isDraining();
}
