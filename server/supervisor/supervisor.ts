import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { ApiKeys } from "../auth/api-key.ts";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { IpcHost } from "../broker/ipc/host.ts";
import { openLog } from "../broker/open-log.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { ClusterHost } from "../cluster/ipc/host.ts";
import { MemoryCluster } from "../cluster/memory/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import type { Settings } from "../config/settings.ts";
import type { OpsParts } from "../http/ops-routes.ts";
import { OpsServer } from "../http/ops-server.ts";
import type { ListeningAddress } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { makeSocketPath, removeSocketPath } from "../lib/link/socket-path.ts";
import { processFigures } from "../ops/figures.ts";
import { Metrics } from "../ops/metrics.ts";
import type { Stoppable } from "../worker/signals.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { Crew } from "./crew.ts";
import { reservePort } from "./reserve-port.ts";
import { WorkerProcess } from "./worker-process.ts";

/** A worker that has not ended so long after its deadline hangs. */
const patienceMs = 10_000;

const log = () => getLogger(["fanfare", "supervisor"]);

/** What all workers of a server share, in this process. */
interface Shared {
  readonly broker: IpcHost;
  readonly cluster: ClusterHost;
  /** This process among its workers. */
  readonly member: Cluster;
  /** The socket of the broker; its directory is the server's own. */
  readonly path: string;
}

/** Several workers on one port: hosts what they share, keeps them alive, and turns signals into orders. */
export class Supervisor implements Stoppable {
  /** Resolves with the reason when workers cannot be kept alive. */
  readonly failed: Promise<string>;
  readonly address: ListeningAddress;
  readonly #settings: Settings;
  readonly #shared: Shared;
  readonly #crew: Crew;
  readonly #ops: OpsServer;
  readonly #peers: Peers;
  readonly #stopped = Promise.withResolvers<StopReceipt>();
  #stopping: Promise<StopReceipt> | undefined;

  private constructor(settings: Settings, shared: Shared) {
    this.#settings = settings;
    this.#shared = shared;
    this.address = { host: settings.host, port: settings.port, isTls: settings.tlsCert !== undefined };
    const failed = Promise.withResolvers<string>();
    this.failed = failed.promise;
    const assignment = {
      settings,
      brokerPath: shared.path,
      clusterPath: clusterPathOf(shared.path),
      resumeSecret: new Uint8Array(randomBytes(32)),
    };
    this.#crew = new Crew({
      clock: systemClock,
      start: (n) => new WorkerProcess({ ...assignment, name: `worker ${n}` }, () => void this.stop()),
      onCrashLoop: failed.resolve,
    });
    this.#peers = new Peers(shared.member, systemClock);
    this.#ops = new OpsServer(this.#opsParts());
  }

  /** @throws Error with the code EADDRINUSE, what storage says, or a WorkerFailure; nothing is left running */
  static async start(wanted: Settings, count: number): Promise<Supervisor> {
    const settings = { ...wanted, port: reservePort(wanted) };
    const path = makeSocketPath("fanfare");
    const cluster = new ClusterHost(clusterPathOf(path), systemClock);
    const state = { name: "supervisor", pid: process.pid, startedAt: Date.now(), isDraining: false };
    const shared = {
      broker: new IpcHost({ path, broker: new EmbeddedBroker(await openLog(settings), systemClock) }),
      cluster,
      member: new MemoryCluster(cluster.switchboard, state, systemClock),
      path,
    };
    const supervisor = new Supervisor(settings, shared);
    try {
      await shared.broker.start();
      shared.cluster.start();
      await supervisor.#peers.start();
      await supervisor.#crew.begin(count);
      supervisor.#ops.listen(settings, settings.port);
    } catch (error) {
      await supervisor.#close();
      throw error;
    }
    const pids = supervisor.#crew.pids.join(", ");
    log().info("{count} workers share port {port}: {pids}", { count, port: settings.port, pids });
    return supervisor;
  }

  /** Resolves once it has stopped, whoever asked for it. */
  get stopped(): Promise<StopReceipt> {
    return this.#stopped.promise;
  }

  /** Lets all clients leave, up to SHUTDOWN_TIMEOUT. Idempotent. */
  stop(): Promise<StopReceipt> {
    if (this.#stopping === undefined) {
      this.#shared.member.announce({ isDraining: true });
      this.#stopping = this.#stop();
      this.#stopping.then(this.#stopped.resolve, this.#stopped.reject);
    }
    return this.#stopping;
  }

  /** Closes all clients now. */
  stopNow(): Promise<StopReceipt> {
    const stopping = this.stop();
    this.#crew.hurry();
    return stopping;
  }

  async #stop(): Promise<StopReceipt> {
    const began = systemClock.monotonic();
    const patience = systemClock.setTimeout(() => {
      log().error("Workers that do not end are killed");
      this.#crew.kill();
    }, this.#settings.shutdownTimeoutMs + patienceMs);
    const receipts = await this.#crew.drain();
    patience.cancel();
    await this.#close();
    return total(receipts, Math.round(systemClock.monotonic() - began));
  }

  #opsParts(): OpsParts {
    const ops = {
      peers: this.#peers,
      isHealthy: () => this.#shared.broker.workers > 0,
      isDraining: () => this.#stopping !== undefined,
      drain: () => void this.stop(),
      startedAt: Date.now(),
    };
    return {
      ops,
      metrics: new Metrics(ops, processFigures),
      keys: new ApiKeys(this.#settings.apiKeys, this.#settings),
    };
  }

  async #close(): Promise<void> {
    const { broker, cluster, path } = this.#shared;
    await this.#ops.close();
    await this.#peers.close();
    await cluster.close();
    await broker.close();
    removeSocketPath(path);
  }
}

function clusterPathOf(brokerPath: string): string {
  return join(dirname(brokerPath), "cluster");
}

/** One receipt for all workers. The busiest seconds of several need not be the same one: their sum is a bound. */
function total(receipts: readonly StopReceipt[], durationMs: number): StopReceipt {
  const sum = (key: keyof StopReceipt) => receipts.reduce((all, receipt) => all + receipt[key], 0);
  return {
    initial: sum("initial"),
    left: sum("left"),
    moved: sum("moved"),
    forced: sum("forced"),
    unflushed_bytes: sum("unflushed_bytes"),
    duration_ms: durationMs,
    max_close_rate: sum("max_close_rate"),
  };
}
