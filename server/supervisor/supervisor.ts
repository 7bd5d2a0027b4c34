import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { getLogger } from "@logtape/logtape";
import { EmbeddedBroker } from "../broker/embedded/broker.ts";
import { IpcHost } from "../broker/ipc/host.ts";
import { openLog } from "../broker/open-log.ts";
import { ClusterHost } from "../cluster/ipc/host.ts";
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { makeSocketPath, removeSocketPath } from "../lib/link/socket-path.ts";
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
      start: (n) => new WorkerProcess({ ...assignment, name: `worker ${n}` }),
      onCrashLoop: failed.resolve,
    });
  }

  /** @throws Error with the code EADDRINUSE, what storage says, or a WorkerFailure; nothing is left running */
  static async start(wanted: Settings, count: number): Promise<Supervisor> {
    const settings = { ...wanted, port: reservePort(wanted) };
    const path = makeSocketPath("fanfare");
    const shared = {
      broker: new IpcHost({ path, broker: new EmbeddedBroker(await openLog(settings), systemClock) }),
      cluster: new ClusterHost(clusterPathOf(path), systemClock),
      path,
    };
    const supervisor = new Supervisor(settings, shared);
    try {
      await shared.broker.start();
      shared.cluster.start();
      await supervisor.#crew.begin(count);
    } catch (error) {
      await supervisor.#close();
      throw error;
    }
    const pids = supervisor.#crew.pids.join(", ");
    log().info("{count} workers share port {port}: {pids}", { count, port: settings.port, pids });
    return supervisor;
  }

  /** Lets all clients leave, up to SHUTDOWN_TIMEOUT. Idempotent. */
  stop(): Promise<StopReceipt> {
    this.#stopping ??= this.#stop();
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

  async #close(): Promise<void> {
    const { broker, cluster, path } = this.#shared;
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
