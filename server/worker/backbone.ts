import { hostname } from "node:os";
import type { Broker, ChannelDirectory } from "../broker/broker.ts";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { IpcBroker } from "../broker/ipc/client.ts";
import { openLog } from "../broker/open-log.ts";
import { RedisBroker } from "../broker/redis/broker.ts";
import { type OpenedRedis, openRedis } from "../broker/redis/open-redis.ts";
import type { Cluster, MemberState } from "../cluster/cluster.ts";
import { IpcCluster } from "../cluster/ipc/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { RedisCluster } from "../cluster/redis/cluster.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { IpcPresence } from "../presence/ipc/store.ts";
import { MemoryPresence } from "../presence/memory/store.ts";
import type { PresenceStore } from "../presence/presence-store.ts";
import { RedisPresence } from "../presence/redis/store.ts";
import { IpcScheduleStore } from "../schedule/ipc/store.ts";
import { openScheduleStore } from "../schedule/open-store.ts";
import { RedisScheduleStore } from "../schedule/redis/store.ts";
import type { ScheduleStore } from "../schedule/schedule-store.ts";
import { channelOptionsOf } from "./channel-options.ts";

/** The broker and cluster of a worker, not started yet. */
export interface Backbone {
  readonly broker: Broker;
  /** Lists all channels that have history; undefined if listing them is too expensive. */
  readonly directory: ChannelDirectory | undefined;
  readonly cluster: Cluster;
  /** What this process is called once it listens on this port; undefined if its name does not contain the port. */
  readonly namesAt?: (port: number) => Pick<MemberState, "name" | "node">;
  readonly presence: PresenceStore;
  readonly schedules: ScheduleStore;
  /** The secret that signs resume keys; undefined for a server of one process. */
  readonly resumeSecret: Uint8Array | undefined;
  /** Keeps requests to the supervisor back while it is being replaced, for at most this time. Resolves once none is in flight. */
  hold?(ms: number): Promise<void>;
}

/** How the workers of a server communicate: through sockets of their supervisor, or Redis. */
export type BackboneAddress =
  | {
      readonly kind: "sockets";
      readonly brokerPath: string;
      readonly clusterPath: string;
      readonly presencePath: string;
      readonly schedulePath: string;
      readonly resumeSecret: Uint8Array;
    }
  | ({ readonly kind: "redis" } & OpenedRedis);

/**
 * Opens the backbone of a server that is one process, in memory, files or Redis.
 * @throws UnusableStorage that names the setting and says what is wrong and what to do
 */
export async function openBackbone(settings: Settings): Promise<Backbone> {
  const redis = await openConfiguredRedis(settings);
  if (redis !== undefined) return redisBackbone(settings, redis);
  const schedules = openScheduleStore(settings, systemClock);
  const log = await openLog(settings, { rulesOf: channelOptionsOf(settings) }).catch(async (error: unknown) => {
    await schedules.close();
    throw error;
  });
  const broker = new EmbeddedBroker(log, systemClock);
  const cluster = MemoryCluster.alone(systemClock);
  const presence = new MemoryPresence(systemClock);
  return { broker, directory: broker, cluster, presence, schedules, resumeSecret: undefined };
}

/** Makes the backbone of a worker under a supervisor. */
export function joinBackbone(
  settings: Settings,
  address: BackboneAddress,
  { name, onHostGone }: { readonly name: string; readonly onHostGone: (reason: string) => void },
): Backbone {
  if (address.kind === "redis") return redisBackbone(settings, address, name);
  const broker = new IpcBroker({ path: address.brokerPath, name, onHostGone });
  const cluster = new IpcCluster({ path: address.clusterPath, state: stateOf(name) });
  const presence = new IpcPresence({ path: address.presencePath, name });
  const schedules = new IpcScheduleStore({ path: address.schedulePath, name });
  const { resumeSecret } = address;
  return { broker, directory: broker, cluster, presence, schedules, resumeSecret, hold: (ms) => broker.hold(ms) };
}

/** Connects to Redis and checks it; undefined if Redis is not configured. */
export async function openConfiguredRedis(settings: Settings): Promise<OpenedRedis | undefined> {
  const { redisUrl } = settings;
  return redisUrl === undefined ? undefined : openRedis({ ...settings, redisUrl });
}

/** A supervisor as a member of the cluster in Redis. */
export function makeRedisSupervisor(settings: Settings, redis: OpenedRedis): Cluster {
  return makeRedisMember(settings, redis, stateOf(`${nodeName(settings)} supervisor`));
}

function makeRedisMember({ redisPrefix }: Settings, { address }: OpenedRedis, state: MemberState): Cluster {
  return new RedisCluster({ address, prefix: redisPrefix, state, clock: systemClock });
}

/** The node's name in the cluster. It contains the port, because several servers may run on one machine. */
export function nodeName({ port }: Pick<Settings, "port">): string {
  return `${hostname()}:${port}`;
}

/** @param worker undefined for a server that is one process */
function redisBackbone(settings: Settings, redis: OpenedRedis, worker?: string): Backbone {
  const { redisPrefix: prefix, redisWait: replicas, idempotencyWindowMs: idWindowMs } = settings;
  const { address, record } = redis;
  const broker = new RedisBroker({ address, record, prefix, replicas, idWindowMs, clock: systemClock });
  const namesAt = (port: number) => {
    const node = nodeName({ port });
    return { name: worker === undefined ? node : `${node} ${worker}`, node };
  };
  const state = { ...stateOf(""), ...namesAt(settings.port) };
  const cluster = makeRedisMember(settings, redis, state);
  const presence = new RedisPresence({ address, prefix, clock: systemClock });
  const { maxSchedules, scheduleBytes } = settings;
  const limits = { maxSchedules, scheduleBytes };
  const schedules = new RedisScheduleStore({ address, prefix, limits, clock: systemClock });
  const resumeSecret = Buffer.from(record.secret, "base64url");
  return { broker, directory: undefined, cluster, namesAt, presence, schedules, resumeSecret };
}

function stateOf(name: string): MemberState {
  return { name, pid: process.pid, isDraining: false };
}
