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
import { WorkerFailure } from "./worker-failure.ts";

/** What all workers of a server share, in the supervisor's process. */
export interface Shared {
  readonly broker: IpcHost;
  readonly cluster: ClusterHost;
  /** This process among its workers. */
  readonly member: Cluster;
  /** The socket of the broker; its directory is the server's own. */
  readonly path: string;
  /** The socket of the cluster. */
  readonly clusterPath: string;
}

/**
 * Makes it all; nothing is running yet.
 * @throws what storage says, or a WorkerFailure where there is no place for the sockets; nothing is left behind
 */
export async function share(settings: Settings): Promise<Shared> {
  const path = socketPath();
  try {
    const broker = new EmbeddedBroker(await openLog(settings), systemClock);
    const clusterPath = join(dirname(path), "cluster");
    const cluster = new ClusterHost(clusterPath, systemClock);
    const state = { name: "supervisor", pid: process.pid, startedAt: Date.now(), isDraining: false };
    const member = new MemoryCluster(cluster.switchboard, state, systemClock);
    return { broker: new IpcHost({ path, broker }), cluster, member, path, clusterPath };
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
