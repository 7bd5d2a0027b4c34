import { getLogger } from "@logtape/logtape";
import { Peers } from "../cluster/peers.ts";
import type { Settings } from "../config/settings.ts";
import type { ListeningAddress } from "../http/server.ts";
import { slotWindowMs } from "../hub/drain.ts";
import { planSlots } from "../hub/slot-plan.ts";
import { systemClock } from "../lib/clock.ts";
import { orAborted } from "../lib/or-aborted.ts";
import { AuditTrail } from "../limits/audit-trail.ts";
import type { MetricValues } from "../ops/metric-table.ts";
import type { Stoppable } from "../worker/signals.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { AdoptedWorkers } from "./adopted-worker.ts";
import { Generations, moveLimitMs, type NextGeneration } from "./generations.ts";
import { HandOver } from "./hand-over.ts";
import { auditedSettings, newSettings } from "./new-settings.ts";
import { reservePort } from "./reserve-port.ts";
import { type SharedBackbone, share } from "./shared.ts";
import { StoppedMetrics } from "./stopped-metrics.ts";
import { SupervisorOps } from "./supervisor-ops.ts";
import type { SupervisorStart } from "./supervisor-start.ts";
import { ordersPath, rejoinMs, type Takeover, takeoverVersion, writeTakeover } from "./takeover.ts";
import { totalReceipt } from "./total-receipt.ts";
import { canReplaceProgram, rehearse, replaceProgram } from "./upgrade.ts";
import { workerCount } from "./worker-count.ts";
import { WorkerPool } from "./worker-pool.ts";
import { WorkerProcess } from "./worker-process.ts";

/** How long the workers may take to finish their requests before the supervisor is replaced, milliseconds. */
const holdMs = 3000;

const log = () => getLogger(["fanfare", "supervisor"]);

/** Runs several workers on one port: hosts their shared state, restarts and replaces them, and stops them. */
export class Supervisor implements Stoppable {
  /** Resolves with the reason if a worker is in a crash loop. */
  readonly failed: Promise<string>;
  readonly address: ListeningAddress;
  /** The entries of the supervisor's own listeners, signals and reloads. Each worker has a trail for its requests. */
  readonly audit = new AuditTrail(systemClock);
  /** Those of the current workers. */
  #settings: Settings;
  readonly #start: SupervisorStart;
  readonly #shared: SharedBackbone;
  readonly #generations: Generations;
  readonly #ops: SupervisorOps;
  readonly #stoppedMetrics = new StoppedMetrics();
  readonly #failed = Promise.withResolvers<string>();
  readonly #stopped = Promise.withResolvers<StopReceipt>();
  readonly #workerEvents = {
    onDrainWanted: () => void this.stop(),
    onStopped: (metrics: MetricValues) => this.#stoppedMetrics.add(metrics),
  };
  #generation = 0;
  #stopping: Promise<StopReceipt> | undefined;
  /** Ends the check of the program on disk when the server stops. */
  readonly #stopSignal = new AbortController();
  readonly #handOver = new HandOver();
  #onListening: () => void = () => undefined;

  private constructor(settings: Settings, shared: SharedBackbone, start: SupervisorStart, takeover?: Takeover) {
    this.#settings = settings;
    this.#start = start;
    this.#shared = shared;
    this.address = { host: settings.host, port: settings.port, isTls: settings.tlsCert !== undefined };
    this.failed = this.#failed.promise;
    if (takeover !== undefined) {
      this.#generation = takeover.generation - 1;
      this.#stoppedMetrics.add(takeover.metrics);
    }
    this.#generations = new Generations(this.#makePool(settings), takeover?.rolls);
    this.#ops = new SupervisorOps(settings, {
      peers: new Peers(shared.member, systemClock),
      node: shared.node,
      isHealthy: () => this.#generations.hasStarted && shared.isHealthy(),
      isDraining: () => this.#stopping !== undefined || this.#handOver.stop !== undefined,
      drain: () => void this.stop(),
      reload: () => this.reload(),
      upgrade: () => this.upgrade(),
      generations: this.#generations,
      audit: this.audit,
      stoppedMetrics: this.#stoppedMetrics,
      lastHours: takeover?.lastHours,
    });
  }

  /**
   * @throws Error with the code EADDRINUSE, the error of the storage, or a WorkerFailure; then nothing is left running
   */
  static async start(wanted: Settings, start: SupervisorStart): Promise<Supervisor> {
    const reserved = reservePort(wanted);
    try {
      const settings = { ...wanted, port: reserved.port };
      const supervisor = new Supervisor(settings, await share(settings), start);
      supervisor.#onListening = reserved.release;
      await supervisor.#begin(start.signal);
      return supervisor;
    } finally {
      reserved.release();
    }
  }

  /**
   * Continues the server of another program in this process, with its workers, and then replaces them.
   * @throws Error if the storage cannot be opened; then the workers move their clients and end
   */
  static async takeOver(wanted: Settings, start: SupervisorStart, takeover: Takeover): Promise<Supervisor> {
    const settings = { ...wanted, port: takeover.port };
    const supervisor = new Supervisor(settings, await share(settings, takeover), start, takeover);
    await supervisor.#adopt(takeover);
    return supervisor;
  }

  /** Resolves once it has stopped, for whatever reason. */
  get stopped(): Promise<StopReceipt> {
    return this.#stopped.promise;
  }

  /** Replaces all workers, after the current roll. @returns the number of the roll */
  reload(): number {
    return this.#generations.roll(() => this.#nextGeneration());
  }

  /** Replaces the workers of the program that was running in this process before, or makes the stop that was requested meanwhile. */
  finishUpgrade({ stop }: Takeover): void {
    if (stop === "drain") void this.stop();
    else if (stop === "move") void this.moveClients();
    else if (stop === "now") void this.stopNow();
    else this.#generations.roll(() => this.#nextGeneration(), "Upgrade");
  }

  /** Replaces the supervisor's own program too, by the one that is on disk. @returns the number of the roll */
  upgrade(): number {
    return this.#generations.upgrade((number, report) => this.#replaceProgram(number, report));
  }

  /** Waits for all clients to leave, up to SHUTDOWN_TIMEOUT. Idempotent. */
  stop(): Promise<StopReceipt> {
    if (this.#handOver.leave("drain")) return this.stopped;
    this.#stopping ??= this.#stopWith((pool) => pool.drain(this.#settings.shutdownTimeoutMs));
    return this.#stopping;
  }

  /** Makes all clients reconnect elsewhere within DRAIN_WINDOW, even if it is already waiting for them. */
  moveClients(): Promise<StopReceipt> {
    if (this.#handOver.leave("move")) return this.stopped;
    const move = (pool: WorkerPool) => pool.move(moveLimitMs(this.#settings.drainWindowMs));
    if (this.#stopping === undefined) this.#stopping = this.#stopWith(move);
    else void this.#generations.stop(move);
    return this.#stopping;
  }

  /** Closes all clients now. */
  stopNow(): Promise<StopReceipt> {
    if (this.#handOver.leave("now")) return this.stopped;
    const stopping = this.stop();
    void this.#generations.stop((pool) => pool.closeNow());
    return stopping;
  }

  /** Kills the workers and removes the socket files synchronously, for a process that exits at once. */
  abandon(): void {
    this.#generations.kill();
    this.#shared.abandon();
    this.#ops.abandon();
  }

  async #begin(signal: AbortSignal | undefined): Promise<void> {
    const count = workerCount(this.#settings.workers);
    const first = this.#generations.current;
    const cancel = () => {
      // Clients that are already connected are drained once all workers have started.
      if (!first.isServing) void first.end();
    };
    try {
      // Over Redis, joining may take until Redis can be used. No worker was started yet, so a signal ends it.
      await orAborted(this.#shared.start(), signal);
      // Before the workers start, so that an OPS_PORT in use is reported at once.
      await orAborted(this.#ops.start(), signal);
      signal?.addEventListener("abort", cancel);
      await first.start(count);
    } catch (error) {
      await this.#generations.end();
      await this.#close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
    const pids = this.#generations.pids.join(", ");
    log().info("{count} workers share port {port}: {pids}", { count, port: this.#settings.port, pids });
  }

  #makePool(settings: Settings): WorkerPool {
    const generation = ++this.#generation;
    const { hasTerminal } = this.#start;
    const assignment = { settings, backboneAddress: this.#shared.backboneAddress, hasTerminal };
    return new WorkerPool({
      clock: systemClock,
      start: (n) => {
        const name = generation === 1 ? `worker ${n}` : `worker ${generation}.${n}`;
        const isStarting = !this.#generations.hasStarted;
        const worker = new WorkerProcess({ ...assignment, name, isStarting }, this.#workerEvents);
        const ignore = () => undefined; // the pool handles a failure
        worker.ready.then(() => this.#onListening(), ignore);
        return worker;
      },
      planSlots: (counts, verb) => {
        const mode = verb === "move" ? "move" : settings.drainMode;
        return planSlots(counts, { windowMs: slotWindowMs(mode, settings.drainWindowMs), random: Math.random });
      },
      onCrashLoop: this.#failed.resolve,
    });
  }

  /** @throws ConfigError, or Error if settings changed that need a restart */
  #nextGeneration(): NextGeneration {
    const by = `reload ${this.#generations.counts.rolls}`;
    const settings = auditedSettings(this.#settings, () => this.#start.readSettings(), { audit: this.audit, by });
    const windowMs = this.#settings.drainWindowMs;
    return {
      pool: this.#makePool(settings),
      count: workerCount(settings.workers),
      windowMs,
      onReady: () => {
        this.#settings = settings;
        this.#ops.update(settings);
        this.#shared.applyRules(settings);
        this.#start.onReloaded(settings);
      },
    };
  }

  /** Does not return, unless it fails. @throws Error that says why */
  async #replaceProgram(number: number, report: (message: string) => void): Promise<void> {
    if (!canReplaceProgram()) throw new Error("this program cannot be replaced while it runs: restart the server");
    report("checking the program on disk");
    newSettings(this.#settings, () => this.#start.readSettings());
    await rehearse(this.#stopSignal.signal);
    if (this.#stopping !== undefined) throw new Error("the server is shutting down");
    this.#handOver.begin();
    const where = { number, pid: process.pid };
    log().info("Upgrade {number}: replacing the supervisor by the program on disk, in the same process {pid}", where);
    const { current } = this.#generations;
    const socketPath = this.#shared.handOverPath();
    const workers = Array.from(current.workers, ([n, { name, pid }]) => ({ n, name, pid }));
    const path = ordersPath(socketPath, number);
    const holding = Array.from(current.workers.values(), (worker) => worker.rejoin(path, rejoinMs));
    // A worker that hangs loses the requests that it has in flight, and its publishers retry.
    await Promise.race([Promise.all(holding), systemClock.sleep(holdMs)]);
    try {
      await this.#ops.close();
      const handedOver = await this.#shared.handOver();
      const rolls = { number: number - 1, failed: this.#generations.counts.failed };
      const own = { port: this.#settings.port, generation: this.#generation, workers, rolls };
      const metrics = this.#stoppedMetrics.addedTo({});
      const { lastHours } = this.#ops;
      const { stop } = this.#handOver;
      const file = writeTakeover({ version: takeoverVersion, ...own, metrics, lastHours, stop, ...handedOver });
      replaceProgram(file, this.#start.launcherPipe);
    } catch (error) {
      // The workers share nothing any more, so this server cannot continue.
      this.#handOver.failed();
      this.#failed.resolve(`the program could not be replaced: ${error instanceof Error ? error.message : error}`);
      throw error;
    }
  }

  async #adopt(takeover: Takeover): Promise<void> {
    await this.#shared.start();
    const path = ordersPath(takeover.socketPath, takeover.rolls.number + 1);
    const adopted = new AdoptedWorkers(path, takeover.workers, this.#workerEvents);
    this.#generations.current.adopt(adopted.all);
    await this.#ops.start();
    await adopted.connected(rejoinMs);
    const where = { port: takeover.port, pid: process.pid };
    log().info("The program now on disk has taken over the server on port {port}, in the same process {pid}", where);
  }

  #stopWith(end: (pool: WorkerPool) => Promise<readonly StopReceipt[]>): Promise<StopReceipt> {
    this.#stopSignal.abort();
    this.#shared.member.announce({ isDraining: true });
    const stopping = this.#stop(end);
    stopping.then(this.#stopped.resolve, this.#stopped.reject);
    return stopping;
  }

  async #stop(end: (pool: WorkerPool) => Promise<readonly StopReceipt[]>): Promise<StopReceipt> {
    const began = systemClock.monotonic();
    const receipts = await this.#generations.stop(end);
    await this.#close();
    return totalReceipt(receipts, Math.round(systemClock.monotonic() - began));
  }

  async #close(): Promise<void> {
    await this.#ops.close();
    await this.#shared.close();
  }
}
