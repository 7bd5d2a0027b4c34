import type { Broker, ChannelDirectory } from "../broker/broker.ts";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { IpcBroker } from "../broker/ipc/client.ts";
import { openLog } from "../broker/open-log.ts";
import type { OpenedRedis } from "../broker/redis/open-redis.ts";
import type { Cluster, MemberState } from "../cluster/cluster.ts";
import { IpcCluster } from "../cluster/ipc/cluster.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { IpcPresence } from "../presence/ipc/store.ts";
import { MemoryPresence } from "../presence/memory/store.ts";
import type { PresenceStore } from "../presence/presence-store.ts";
import { IpcScheduleStore } from "../schedule/ipc/store.ts";
import { openScheduleStore } from "../schedule/open-store.ts";
import type { ScheduleStore } from "../schedule/schedule-store.ts";
import { channelLookup } from "./channel-options.ts";
import { stateOf } from "./member-state.ts";

/** Imported only where Redis is configured: its client library takes 5 MB and 30 ms. */
const importRedis = () => import("./redis-backbone.ts");

/** The broker and cluster of a worker, not started yet. */
export interface Backbone {
  readonly broker: Broker;
  /** Lists all channels that have history; undefined if listing them is too expensive. */
  readonly directory: ChannelDirectory | undefined;
  readonly cluster: Cluster;
  /** The name of this process once it listens on this port; undefined if its name does not contain the port. */
  readonly namesAt?: (port: number) => Pick<MemberState, "name" | "node">;
  readonly presence: PresenceStore;
  readonly schedules: ScheduleStore;
  /** The secret that signs resume keys; undefined for a server of one process. */
  readonly resumeSecret: Uint8Array | undefined;
  /**
   * Holds back requests to the supervisor while it is being replaced, for at most this time. Resolves once none is in
   * flight.
   */
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
  const { redisUrl } = settings;
  if (redisUrl !== undefined) {
    const { openConfiguredRedis, redisBackbone } = await importRedis();
    return redisBackbone(settings, await openConfiguredRedis(settings, redisUrl));
  }
  const schedules = openScheduleStore(settings, systemClock);
  const log = await openLog(settings, channelLookup(settings)).catch(async (error: unknown) => {
    await schedules.close();
    throw error;
  });
  const broker = new EmbeddedBroker(log, systemClock);
  const cluster = MemoryCluster.alone(systemClock);
  const presence = new MemoryPresence(systemClock);
  return { broker, directory: broker, cluster, presence, schedules, resumeSecret: undefined };
}

/** Makes the backbone of a worker under a supervisor. */
export async function joinBackbone(
  settings: Settings,
  address: BackboneAddress,
  { name, onHostGone }: { readonly name: string; readonly onHostGone: (reason: string) => void },
): Promise<Backbone> {
  if (address.kind === "redis") return (await importRedis()).redisBackbone(settings, address, name);
  const broker = new IpcBroker({ path: address.brokerPath, name, onHostGone });
  const cluster = new IpcCluster({ path: address.clusterPath, state: stateOf(name) });
  const presence = new IpcPresence({ path: address.presencePath, name });
  const schedules = new IpcScheduleStore({ path: address.schedulePath, name });
  const { resumeSecret } = address;
  return { broker, directory: broker, cluster, presence, schedules, resumeSecret, hold: (ms) => broker.hold(ms) };
}
