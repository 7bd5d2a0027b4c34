import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { IpcHost } from "../broker/ipc/host.ts";
import { MemoryLog } from "../broker/memory/log.ts";
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
import type { BackboneAddress } from "../worker/backbone.ts";
import { channelLookup } from "../worker/channel-options.ts";
import { nodeName } from "../worker/member-state.ts";
import { readHistory, type Takeover, writeHistory } from "./takeover.ts";
import { WorkerFailure } from "./worker-failure.ts";

/** State that all workers of a server share, in the supervisor's process. */
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
  /** The settings have changed: stored channels get their new rules. */
  applyRules(settings: Settings): void;
  /** The socket path of a takeover. */
  handOverPath(): string;
  /**
   * The same as `close`, but leaves everything in place that the next program needs. Call it once the workers hold back
   * their requests.
   */
  handOver(): Promise<HandedOver>;
  /** Removes the socket files synchronously, for a process that exits at once. */
  abandon(): void;
}

/** The part of a takeover with the state that the workers share. */
export type HandedOver = Pick<Takeover, "socketPath" | "resumeSecret" | "schedules" | "hasHistory">;

/**
 * Creates it without starting anything.
 * @throws the error of the storage, or a WorkerFailure if there is no directory for the sockets; then nothing is left behind
 */
export async function share(settings: Settings, takeover?: HandedOver): Promise<SharedBackbone> {
  const { redisUrl } = settings;
  if (redisUrl === undefined) return shareHere(settings, takeover);
  // Imported only here: the client library takes 5 MB and 30 ms.
  const { makeRedisSupervisor, openConfiguredRedis } = await import("../worker/redis-backbone.ts");
  const redis = await openConfiguredRedis(settings, redisUrl);
  // Only a takeover needs sockets.
  let path = takeover?.socketPath;
  const leave = () => {
    if (path !== undefined) removeSocketPath(path);
  };
  // The workers connect to Redis themselves, which saves one hop per publication.
  const member = makeRedisSupervisor(settings, redis);
  return {
    backboneAddress: { kind: "redis", ...redis },
    node: nodeName(settings),
    member,
    start: async () => undefined,
    isHealthy: () => member.members().length > 0,
    close: async () => leave(),
    applyRules: () => undefined, // in Redis, a channel gets them with its next publication
    handOverPath: () => {
      path ??= socketPath();
      return path;
    },
    handOver: async () => ({ socketPath: path ?? "", resumeSecret: "", hasHistory: false }),
    abandon: () => leave(),
  };
}

/** Without Redis this process keeps the history, so that it survives the exit of a worker. */
async function shareHere(settings: Settings, takeover: HandedOver | undefined): Promise<SharedBackbone> {
  const path = takeover?.socketPath ?? socketPath();
  let opened: OpenedSchedules | undefined;
  try {
    const storage = openSchedules(settings, systemClock);
    opened = storage;
    const rules = channelLookup(settings);
    const log = await openLog(settings, rules);
    if (takeover?.hasHistory && log instanceof MemoryLog) {
      await log.restore(readHistory(path));
      await log.applyRules(rules.rulesOf);
    }
    const broker = new IpcHost({ path, broker: new EmbeddedBroker(log, systemClock) });
    const clusterPath = join(dirname(path), "cluster");
    const presencePath = join(dirname(path), "presence");
    const schedulePath = join(dirname(path), "schedules");
    const cluster = new ClusterHost(clusterPath, systemClock);
    const presence = new PresenceHost(presencePath, systemClock);
    if (takeover?.schedules !== undefined && !storage.isDurable) storage.records.load(takeover.schedules);
    const schedules = new ScheduleHost({ path: schedulePath, ...opened });
    const state = { name: "supervisor", pid: process.pid, isDraining: false };
    const resumeSecret =
      takeover === undefined ? new Uint8Array(randomBytes(32)) : Uint8Array.fromBase64(takeover.resumeSecret);
    const closeAll = async () => {
      await schedules.close();
      await presence.close();
      await cluster.close();
      await broker.close();
    };
    return {
      node: null,
      backboneAddress: { kind: "sockets", brokerPath: path, clusterPath, presencePath, schedulePath, resumeSecret },
      member: new MemoryCluster(cluster.switchboard, state, systemClock),
      start: async () => {
        for (const it of [path, clusterPath, presencePath, schedulePath]) rmSync(it, { force: true }); // after a takeover
        await broker.start();
        cluster.start();
        presence.start();
        schedules.start();
      },
      isHealthy: () => broker.workers > 0,
      close: async () => {
        await closeAll();
        removeSocketPath(path);
      },
      applyRules: (changed) => {
        log.applyRules(channelLookup(changed).rulesOf).catch((error: unknown) => {
          const text = "Stored channels get the new history settings with their next message only: {error}";
          getLogger(["fanfare", "supervisor"]).error(text, { error });
        });
      },
      handOverPath: () => path,
      handOver: async () => {
        await closeAll();
        if (log instanceof MemoryLog) writeHistory(path, log.snapshot());
        return {
          socketPath: path,
          resumeSecret: resumeSecret.toBase64(),
          schedules: storage.isDurable ? undefined : storage.records.dump(),
          hasHistory: log instanceof MemoryLog,
        };
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
