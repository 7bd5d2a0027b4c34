import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { IpcHost } from "../broker/ipc/host.ts";
import { openLog } from "../broker/open-log.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { ClusterHost } from "../cluster/ipc/host.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import type { Settings } from "../config/settings.ts";
import { systemClock } from "../lib/clock.ts";
import { makeSocketPath, removeSocketPath } from "../lib/link/socket-path.ts";
import { PresenceHost } from "../presence/ipc/host.ts";
import { ScheduleHost } from "../schedule/ipc/host.ts";
import { type OpenedSchedules, openSchedules } from "../schedule/open-store.ts";
import { type BackboneAddress, makeRedisSupervisor, nodeName, openConfiguredRedis } from "../worker/backbone.ts";
import { channelOptionsOf } from "../worker/channel-options.ts";
import { WorkerFailure } from "./worker-failure.ts";

/** What all workers of a server share, in the supervisor's process. */
export interface SharedBackbone {
  /** How the workers connect to it. */
  readonly backboneAddress: BackboneAddress;
  /** The name of this node in the cluster; null if there is only one. */
  readonly node: string | null;
  /** This process as a member of the cluster. The caller starts and closes it. */
  readonly member: Cluster;
  /** Call it before the member is started. @throws the error of the storage */
  start(): Promise<void>;
  /** Whether clients can be served, as far as this process knows. */
  isHealthy(): boolean;
  /** Call it after the member is closed. Idempotent. */
  close(): Promise<void>;
  /** Removes the socket files synchronously, for a process that exits at once. */
  abandon(): void;
}

/**
 * Creates it without starting anything.
 * @throws the error of the storage, or a WorkerFailure if there is no directory for the sockets; then nothing is left behind
 */
export async function share(settings: Settings): Promise<SharedBackbone> {
  const redis = await openConfiguredRedis(settings);
  if (redis === undefined) return shareHere(settings);
  // The workers connect to Redis themselves, which saves one hop per publication.
  const member = makeRedisSupervisor(settings, redis);
  return {
    backboneAddress: { kind: "redis", ...redis },
    node: nodeName(settings),
    member,
    start: async () => undefined,
    isHealthy: () => member.members().length > 0,
    close: async () => undefined,
    abandon: () => undefined,
  };
}

/** Without Redis this process keeps the history, so that it survives the exit of a worker. */
async function shareHere(settings: Settings): Promise<SharedBackbone> {
  const path = socketPath();
  let opened: OpenedSchedules | undefined;
  try {
    opened = openSchedules(settings, systemClock);
    const log = await openLog(settings, { rulesOf: channelOptionsOf(settings) });
    const broker = new IpcHost({ path, broker: new EmbeddedBroker(log, systemClock) });
    const clusterPath = join(dirname(path), "cluster");
    const presencePath = join(dirname(path), "presence");
    const schedulePath = join(dirname(path), "schedules");
    const cluster = new ClusterHost(clusterPath, systemClock);
    const presence = new PresenceHost(presencePath, systemClock);
    const schedules = new ScheduleHost({ path: schedulePath, ...opened });
    const state = { name: "supervisor", pid: process.pid, isDraining: false };
    const resumeSecret = new Uint8Array(randomBytes(32));
    return {
      node: null,
      backboneAddress: { kind: "sockets", brokerPath: path, clusterPath, presencePath, schedulePath, resumeSecret },
      member: new MemoryCluster(cluster.switchboard, state, systemClock),
      start: async () => {
        await broker.start();
        cluster.start();
        presence.start();
        schedules.start();
      },
      isHealthy: () => broker.workers > 0,
      close: async () => {
        await schedules.close();
        await presence.close();
        await cluster.close();
        await broker.close();
        removeSocketPath(path);
      },
      abandon: () => removeSocketPath(path),
    };
  } catch (error) {
    opened?.close();
    removeSocketPath(path);
    throw error;
  }
}

function socketPath(): string {
  try {
    return makeSocketPath("fanfare");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WorkerFailure(`TMPDIR: cannot create a directory for the workers' sockets: ${reason}`, undefined);
  }
}
