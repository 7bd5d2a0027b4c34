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
import { type MeetingPlace, makeRedisSupervisor, openPrologue } from "../worker/backbone.ts";
import { channelOptionsOf } from "../worker/channel-options.ts";
import { WorkerFailure } from "./worker-failure.ts";

/** What all workers of a server share, as the supervisor's process has it. */
export interface Shared {
  /** Where the workers find it. */
  readonly meetingPlace: MeetingPlace;
  /** This process among the workers; whoever uses it starts and closes it. */
  readonly member: Cluster;
  /** Before the member is started. @throws what storage says */
  start(): Promise<void>;
  /** Whether clients can be served, as far as this process sees it. */
  isHealthy(): boolean;
  /** After the member is closed. Idempotent. */
  close(): Promise<void>;
  /** For a process that ends in this moment: leaves no files behind. */
  abandon(): void;
}

/**
 * Makes it all; nothing is running yet.
 * @throws what storage says, or a WorkerFailure where there is no place for the sockets; nothing is left behind
 */
export async function share(settings: Settings): Promise<Shared> {
  const prologue = await openPrologue(settings);
  if (prologue === undefined) return shareHere(settings);
  // The workers speak to Redis themselves: through this process each publication would make one hop more.
  const member = makeRedisSupervisor(settings, prologue);
  return {
    meetingPlace: { kind: "redis", ...prologue },
    member,
    start: async () => undefined,
    isHealthy: () => member.members().length > 0,
    close: async () => undefined,
    abandon: () => undefined,
  };
}

/** Without Redis this process holds the log, so that it outlives each worker. */
async function shareHere(settings: Settings): Promise<Shared> {
  const path = socketPath();
  try {
    const log = await openLog(settings, { rulesOf: channelOptionsOf(settings) });
    const broker = new IpcHost({ path, broker: new EmbeddedBroker(log, systemClock) });
    const clusterPath = join(dirname(path), "cluster");
    const cluster = new ClusterHost(clusterPath, systemClock);
    const state = { name: "supervisor", pid: process.pid, isDraining: false };
    const resumeSecret = new Uint8Array(randomBytes(32));
    return {
      meetingPlace: { kind: "sockets", brokerPath: path, clusterPath, resumeSecret },
      member: new MemoryCluster(cluster.switchboard, state, systemClock),
      start: async () => {
        await broker.start();
        cluster.start();
      },
      isHealthy: () => broker.workers > 0,
      close: async () => {
        await cluster.close();
        await broker.close();
        removeSocketPath(path);
      },
      abandon: () => removeSocketPath(path),
    };
  } catch (error) {
    removeSocketPath(path);
    throw error;
  }
}

function socketPath(): string {
  try {
    return makeSocketPath("fanfare");
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WorkerFailure(`TMPDIR: the workers need a directory for their sockets: ${reason}`, undefined);
  }
}
