import { hostname } from "node:os";
import type { Broker, ChannelDirectory } from "../broker/broker.ts";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { IpcBroker } from "../broker/ipc/client.ts";
import { openLog } from "../broker/open-log.ts";
import { RedisBroker } from "../broker/redis/broker.ts";
import { openRedis, type Prologue } from "../broker/redis/prologue.ts";
import type { Cluster, MemberState } from "../cluster/cluster.ts";
import { IpcCluster } from "../cluster/ipc/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { RedisCluster } from "../cluster/redis/cluster.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { channelOptionsOf } from "./channel-options.ts";

/** What carries a worker's publications and joins it with the others; nothing of it is started. */
export interface Backbone {
  readonly broker: Broker;
  /** Lists all channels that have history; undefined where that would cost too much to know. */
  readonly directory: ChannelDirectory | undefined;
  readonly cluster: Cluster;
  /** What resume keys are signed with; undefined for a server of one process. */
  readonly resumeSecret: Uint8Array | undefined;
}

/** Where the workers of one server meet: at sockets of their supervisor, or in Redis. */
export type MeetingPlace =
  | {
      readonly kind: "sockets";
      readonly brokerPath: string;
      readonly clusterPath: string;
      readonly resumeSecret: Uint8Array;
    }
  | ({ readonly kind: "redis" } & Prologue);

/**
 * The only place that chooses between memory, files, sockets and Redis: for a server that is one process.
 * @throws UnusableStorage that names the setting, what is wrong, and the way out
 */
export async function openBackbone(settings: Settings): Promise<Backbone> {
  const prologue = await openPrologue(settings);
  if (prologue !== undefined) return redisBackbone(settings, prologue);
  const broker = new EmbeddedBroker(await openLog(settings, { rulesOf: channelOptionsOf(settings) }), systemClock);
  return { broker, directory: broker, cluster: MemoryCluster.alone(systemClock), resumeSecret: undefined };
}

/** The same for a worker that a supervisor has started. */
export function joinBackbone(
  settings: Settings,
  place: MeetingPlace,
  { name, onHostGone }: { readonly name: string; readonly onHostGone: (reason: string) => void },
): Backbone {
  if (place.kind === "redis") return redisBackbone(settings, place, name);
  const broker = new IpcBroker({ path: place.brokerPath, name, onHostGone });
  const cluster = new IpcCluster({ path: place.clusterPath, state: stateOf(name) });
  return { broker, directory: broker, cluster, resumeSecret: place.resumeSecret };
}

/** What Redis says before anything is started; undefined where the settings name none. */
export async function openPrologue(settings: Settings): Promise<Prologue | undefined> {
  const { redisUrl } = settings;
  return redisUrl === undefined ? undefined : openRedis({ ...settings, redisUrl });
}

/** A supervisor as a member of the cluster in Redis. */
export function makeRedisSupervisor(settings: Settings, prologue: Prologue): Cluster {
  return makeRedisMember(settings, prologue, stateOf(`${nodeName(settings)} supervisor`));
}

function makeRedisMember({ redisPrefix }: Settings, { address }: Prologue, state: MemberState): Cluster {
  return new RedisCluster({ address, prefix: redisPrefix, state, clock: systemClock });
}

/** What this machine's server is called among others: several may run on one machine. */
function nodeName({ port }: Settings): string {
  return `${hostname()}:${port}`;
}

/** @param worker undefined for a server that is one process */
function redisBackbone(settings: Settings, prologue: Prologue, worker?: string): Backbone {
  const { redisPrefix: prefix, redisWait: replicas, idempotencyWindowMs: idWindowMs } = settings;
  const broker = new RedisBroker({ address: prologue.address, prefix, replicas, idWindowMs, clock: systemClock });
  const node = nodeName(settings);
  const state = { ...stateOf(worker === undefined ? node : `${node} ${worker}`), node };
  const cluster = makeRedisMember(settings, prologue, state);
  return { broker, directory: undefined, cluster, resumeSecret: prologue.resumeSecret };
}

function stateOf(name: string): MemberState {
  return { name, pid: process.pid, isDraining: false };
}
