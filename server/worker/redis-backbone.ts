import { RedisBroker } from "../broker/redis/broker.ts";
import { type OpenedRedis, openRedis } from "../broker/redis/open-redis.ts";
import { SharingBroker } from "../broker/redis/sharing-broker.ts";
import type { Cluster, MemberState } from "../cluster/cluster.ts";
import { RedisCluster } from "../cluster/redis/cluster.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { RedisPresence } from "../presence/redis/store.ts";
import { RedisScheduleStore } from "../schedule/redis/store.ts";
import { channelLookup } from "./channel-options.ts";
import { nodeName, stateOf } from "./member-state.ts";

/** The same as the most that an embedded history knows. */
const knownChannels = 500_000;

/** Connects to Redis and checks it. */
export function openConfiguredRedis(settings: Settings, redisUrl: string): Promise<OpenedRedis> {
  return openRedis({ ...settings, redisUrl });
}

/** A supervisor as a member of the cluster in Redis. */
export function makeRedisSupervisor(settings: Settings, redis: OpenedRedis): Cluster {
  const node = nodeName(settings);
  return makeRedisMember(settings, redis, { ...stateOf(`${node} supervisor`), node, isSupervisor: true });
}

/**
 * The backbone of a worker that speaks to Redis. Its type is inferred, because backbone.ts imports this file.
 * @param worker undefined for a server that is one process
 */
export function redisBackbone(settings: Settings, redis: OpenedRedis, worker?: string) {
  const { redisPrefix: prefix, redisWait: replicas, idempotencyWindowMs: idWindowMs } = settings;
  const { address, record } = redis;
  const { rulesOf } = channelLookup(settings);
  const redisBroker = new RedisBroker({ address, record, prefix, replicas, idWindowMs, rulesOf, clock: systemClock });
  const broker = new SharingBroker(redisBroker, sharesFrom(settings), systemClock);
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

/** As in a server without Redis, for the data that each process stores. */
function sharesFrom({ clientShare, historyBytesTotal }: Settings) {
  const share = clientShare / 100;
  return {
    maxBytes: historyBytesTotal * share,
    maxChannels: Math.ceil(knownChannels * share),
    channelTtlMs: 86_400_000, // Redis knows a channel for a day
    maxEntries: 200_000,
  };
}

function makeRedisMember({ redisPrefix }: Settings, { address }: OpenedRedis, state: MemberState): Cluster {
  return new RedisCluster({ address, prefix: redisPrefix, state, clock: systemClock });
}
