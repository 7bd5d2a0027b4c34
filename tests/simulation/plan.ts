import type { ChannelName } from "../../protocol/channel-name.ts";

/** One fault or operation at a given time. perform.ts shows what `target`, `ms` and `amount` mean for each kind. */
export interface Action {
  readonly at: number;
  readonly kind: ActionKind;
  /** An index into the nodes or clients, modulo their number. */
  readonly target: number;
  readonly ms: number;
  readonly amount: number;
}

export const nodeActions = ["node-stops", "node-dies", "node-rolls", "node-clock", "node-busy"] as const;
export const linkActions = ["redis-link-breaks", "redis-link-held", "redis-link-deaf"] as const;
export const redisActions = [
  "redis-restarts",
  "redis-stops",
  "redis-flushed",
  "redis-refuses",
  "redis-clock",
  "redis-restores-old-copy",
  "redis-answer-lost",
] as const;
export const clientActions = [
  "client-breaks",
  "client-held",
  "client-stalls",
  "client-sleeps",
  "client-leaves",
  "client-clock",
  "burst",
] as const;

export type ActionKind =
  | (typeof nodeActions)[number]
  | (typeof linkActions)[number]
  | (typeof redisActions)[number]
  | "redis-fails-over"
  | "redis-link-late"
  | (typeof clientActions)[number];

export interface ClientPlan {
  readonly kind: "sdk" | "plain";
  readonly startsAt: number;
  readonly userId: string | undefined;
  readonly channels: readonly ChannelName[];
  /** Whether it reconnects with `takes_over`; the SDK always does. */
  readonly takesOver: boolean;
  /** Milliseconds between two publications; 0: it does not publish. */
  readonly publishesEvery: number;
}

export interface PublisherPlan {
  readonly channels: readonly ChannelName[];
  readonly everyMs: number;
  /** Publications in one go. */
  readonly burst: number;
  readonly bytes: number;
}

/** A backend that reads history. */
export interface ReaderPlan {
  readonly channels: readonly ChannelName[];
  readonly everyMs: number;
}

/** All that a simulation does, as plain data, so that shrink.ts can leave out parts. */
export interface Plan {
  readonly seed: number;
  readonly profile: Profile;
  readonly durationMs: number;
  readonly nodes: number;
  readonly userConnections: "many" | "reject" | "replace";
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly slowestMs: number;
  readonly periodicMs: number;
  readonly clients: readonly ClientPlan[];
  readonly publishers: readonly PublisherPlan[];
  readonly readers: readonly ReaderPlan[];
  readonly actions: readonly Action[];
}

/**
 * The faults of a plan:
 * - `roll`: nodes are restarted as planned
 * - `failover`: Redis is replaced and loses nothing; `failovers`: it is replaced again soon
 * - `lost-tail`: Redis loses positions that few nodes know (lost-tail.ts)
 * - `cut-off`: it loses positions that are known only to nodes which are cut off from Redis (cut-off.ts)
 * - `nodes`: nodes fail in every way, Redis does not
 * - `schedules`: something interrupts an occurrence of a schedule
 * - `late`: commands reach Redis after later ones
 * - `claims`: each user may have one connection
 */
export type Profile =
  | "roll"
  | "failover"
  | "failovers"
  | "lost-tail"
  | "cut-off"
  | "schedules"
  | "late"
  | "claims"
  | "nodes"
  | "redis"
  | "all";
