import { getLogger } from "@logtape/logtape";
import { ApiKeys } from "../auth/api-key.ts";
import { Peers } from "../cluster/peers.ts";
import type { Settings } from "../config/settings.ts";
import type { OpsParts } from "../http/ops-routes.ts";
import { OpsServer } from "../http/ops-server.ts";
import type { ListeningAddress } from "../http/server.ts";
import { slotWindowMs } from "../hub/drain.ts";
import { planSlots } from "../hub/slot-plan.ts";
import { systemClock } from "../lib/clock.ts";
import { startUptime } from "../ops/health.ts";
import { processMetrics } from "../ops/metric-table.ts";
import { Metrics } from "../ops/metrics.ts";
import type { Stoppable } from "../worker/signals.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { reservePort } from "./reserve-port.ts";
import { type SharedBackbone, share } from "./shared.ts";
import { WorkerPool } from "./worker-pool.ts";
import { WorkerProcess } from "./worker-process.ts";

const log = () => getLogger(["fanfare", "supervisor"]);

export interface SupervisorStart {
  /** The number of workers. */
  readonly count: number;
  /** Whether the server runs in a terminal, where the user can press Ctrl+C. */
  readonly hasTerminal: boolean;
  /** Cancels the start, unless a worker serves clients already. */
  readonly signal?: AbortSignal;
}

/** What the workers' processes are started with. */
interface WorkerStart {
  readonly hasTerminal: boolean;
  /** Called for each worker that listens on the port. */
  onListening(): void;
}

/** Runs several workers on one port: hosts what they share, restarts them, and stops them. */
export class Supervisor implements Stoppable {
  /** Resolves with the reason if a worker is in a crash loop. */
  readonly failed: Promise<string>;
  readonly address: ListeningAddress;
  readonly #settings: Settings;
  readonly #shared: SharedBackbone;
  readonly #workers: WorkerPool;
  readonly #ops: OpsServer;
  readonly #peers: Peers;
  readonly #stopped = Promise.withResolvers<StopReceipt>();
  #stopping: Promise<StopReceipt> | undefined;

  private constructor(settings: Settings, shared: SharedBackbone, { hasTerminal, onListening }: WorkerStart) {
    this.#settings = settings;
    this.#shared = shared;
    this.address = { host: settings.host, port: settings.port, isTls: settings.tlsCert !== undefined };
    const failed = Promise.withResolvers<string>();
    this.failed = failed.promise;
    const assignment = {
      settings,
      backboneAddress: shared.backboneAddress,
      hasTerminal,
    };
    this.#workers = new WorkerPool({
      clock: systemClock,
      start: (n) => {
        const onDrainWanted = () => void this.stop();
        const worker = new WorkerProcess({ ...assignment, name: `worker ${n}` }, { onDrainWanted });
        // A failure is handled by the pool.
        worker.ready.then(onListening, () => undefined);
        return worker;
      },
      planSlots: (counts, verb) => {
        const mode = verb === "move" ? "move" : settings.drainMode;
        return planSlots(counts, { windowMs: slotWindowMs(mode, settings.drainWindowMs), random: Math.random });
      },
      onCrashLoop: failed.resolve,
    });
    this.#peers = new Peers(shared.member, systemClock);
    this.#ops = new OpsServer(this.#opsParts());
  }

  /**
   * @throws Error with the code EADDRINUSE, the error of the storage, or a WorkerFailure; then nothing is left running
   */
  static async start(wanted: Settings, { count, hasTerminal, signal }: SupervisorStart): Promise<Supervisor> {
    const reserved = reservePort(wanted);
    try {
      const settings = { ...wanted, port: reserved.port };
      const supervisor = new Supervisor(settings, await share(settings), {
        hasTerminal,
        onListening: reserved.release,
      });
      await supervisor.#begin(count, signal);
      return supervisor;
    } finally {
      reserved.release();
    }
  }

  /** Resolves once it has stopped, for whatever reason. */
  get stopped(): Promise<StopReceipt> {
    return this.#stopped.promise;
  }

  /** Waits for all clients to leave, up to SHUTDOWN_TIMEOUT. Idempotent. */
  stop(): Promise<StopReceipt> {
    this.#stopping ??= this.#stopWith(() => this.#workers.drain(this.#settings.shutdownTimeoutMs));
    return this.#stopping;
  }

  /** Makes all clients reconnect elsewhere within DRAIN_WINDOW, even if it is already waiting for them. */
  moveClients(): Promise<StopReceipt> {
    const move = () => this.#workers.move(this.#settings.drainWindowMs);
    if (this.#stopping === undefined) this.#stopping = this.#stopWith(move);
    else void move();
    return this.#stopping;
  }

  /** Closes all clients now. */
  stopNow(): Promise<StopReceipt> {
    const stopping = this.stop();
    void this.#workers.hurry();
    return stopping;
  }

  /** Kills the workers and removes the socket files synchronously, for a process that exits at once. */
  abandon(): void {
    this.#workers.kill();
    this.#shared.abandon();
    this.#ops.abandon();
  }

  async #begin(count: number, signal: AbortSignal | undefined): Promise<void> {
    const cancel = () => {
      // Clients that are already connected are drained once all workers have started.
      if (!this.#workers.isServing) void this.#workers.end();
    };
    try {
      await this.#shared.start();
      await this.#peers.start();
      // Before the workers start, so that an OPS_PORT in use is reported at once.
      await this.#ops.listen(this.#settings, this.#settings.port);
      signal?.throwIfAborted();
      signal?.addEventListener("abort", cancel);
      await this.#workers.start(count);
    } catch (error) {
      await this.#workers.end();
      await this.#close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
    const pids = this.#workers.pids.join(", ");
    log().info("{count} workers share port {port}: {pids}", { count, port: this.#settings.port, pids });
  }

  #stopWith(endWorkers: () => Promise<readonly StopReceipt[]>): Promise<StopReceipt> {
    this.#shared.member.announce({ isDraining: true });
    const stopping = this.#stop(endWorkers);
    stopping.then(this.#stopped.resolve, this.#stopped.reject);
    return stopping;
  }

  async #stop(endWorkers: () => Promise<readonly StopReceipt[]>): Promise<StopReceipt> {
    const began = systemClock.monotonic();
    const receipts = await endWorkers();
    await this.#close();
    return total(receipts, Math.round(systemClock.monotonic() - began));
  }

  #opsParts(): OpsParts {
    const ops = {
      peers: this.#peers,
      isHealthy: () => this.#shared.isHealthy(),
      isDraining: () => this.#stopping !== undefined,
      drain: () => void this.stop(),
      uptimeS: startUptime(systemClock),
    };
    return {
      ops,
      metrics: new Metrics(ops, processMetrics),
      keys: new ApiKeys(this.#settings.apiKeys, this.#settings),
    };
  }

  async #close(): Promise<void> {
    await this.#ops.close();
    await this.#peers.close();
    await this.#shared.close();
  }
}

/** One receipt for all workers. The sum of their maximum rates is an upper bound, since the maxima may differ in time. */
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
