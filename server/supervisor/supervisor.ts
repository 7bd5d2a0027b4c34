import { getLogger } from "@logtape/logtape";
import { ApiKeys } from "../auth/api-key.ts";
import { Peers } from "../cluster/peers.ts";
import type { Settings } from "../config/settings.ts";
import type { OpsParts } from "../http/ops-routes.ts";
import { OpsServer } from "../http/ops-server.ts";
import type { ListeningAddress } from "../http/server.ts";
import { systemClock } from "../lib/clock.ts";
import { processFigures } from "../ops/figures.ts";
import { startUptime } from "../ops/health.ts";
import { Metrics } from "../ops/metrics.ts";
import type { Stoppable } from "../worker/signals.ts";
import type { StopReceipt } from "../worker/stop.ts";
import { Crew } from "./crew.ts";
import { reservePort } from "./reserve-port.ts";
import { type Shared, share } from "./shared.ts";
import { WorkerProcess } from "./worker-process.ts";

const log = () => getLogger(["fanfare", "supervisor"]);

/** How a supervisor is started. */
export interface SupervisorStart {
  /** So many workers. */
  readonly count: number;
  /** Whether a person at a terminal can press Ctrl+C. */
  readonly hasTerminal: boolean;
  /** While it starts: ends it all. */
  readonly signal?: AbortSignal;
}

/** What the workers' processes are started with. */
interface CrewStart {
  readonly hasTerminal: boolean;
  /** A worker listens on the port; called again for each. */
  onListening(): void;
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

  private constructor(settings: Settings, shared: Shared, { hasTerminal, onListening }: CrewStart) {
    this.#settings = settings;
    this.#shared = shared;
    this.address = { host: settings.host, port: settings.port, isTls: settings.tlsCert !== undefined };
    const failed = Promise.withResolvers<string>();
    this.failed = failed.promise;
    const assignment = {
      settings,
      meetingPlace: shared.meetingPlace,
      hasTerminal,
    };
    this.#crew = new Crew({
      clock: systemClock,
      start: (n) => {
        const onDrainWanted = () => void this.stop();
        const worker = new WorkerProcess({ ...assignment, name: `worker ${n}` }, { onDrainWanted });
        // Whether it fails is for the crew to see.
        worker.ready.then(onListening, () => undefined);
        return worker;
      },
      onCrashLoop: failed.resolve,
    });
    this.#peers = new Peers(shared.member, systemClock);
    this.#ops = new OpsServer(this.#opsParts());
  }

  /**
   * @throws Error with the code EADDRINUSE, what storage says, or a WorkerFailure; nothing is left running
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

  /** Resolves once it has stopped, whoever asked for it. */
  get stopped(): Promise<StopReceipt> {
    return this.#stopped.promise;
  }

  /** Waits for all clients to leave, up to SHUTDOWN_TIMEOUT. Idempotent. */
  stop(): Promise<StopReceipt> {
    this.#stopping ??= this.#stopWith(() => this.#crew.drain(this.#settings.shutdownTimeoutMs));
    return this.#stopping;
  }

  /** Sends all clients away within DRAIN_WINDOW, also where it is waiting for them already. */
  moveClients(): Promise<StopReceipt> {
    const move = () => this.#crew.move(this.#settings.drainWindowMs);
    if (this.#stopping === undefined) this.#stopping = this.#stopWith(move);
    else void move();
    return this.#stopping;
  }

  /** Closes all clients now. */
  stopNow(): Promise<StopReceipt> {
    const stopping = this.stop();
    void this.#crew.hurry();
    return stopping;
  }

  /** For a process that ends in this moment: nothing of it stays behind. */
  abandon(): void {
    this.#crew.kill();
    this.#shared.abandon();
    this.#ops.abandon();
  }

  async #begin(count: number, signal: AbortSignal | undefined): Promise<void> {
    const giveUp = () => void this.#crew.end();
    try {
      await this.#shared.start();
      await this.#peers.start();
      // First, since a busy OPS_PORT is known at once, and the workers take their time.
      await this.#ops.listen(this.#settings, this.#settings.port);
      signal?.throwIfAborted();
      signal?.addEventListener("abort", giveUp);
      await this.#crew.begin(count);
    } catch (error) {
      await this.#crew.end();
      await this.#close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
    const pids = this.#crew.pids.join(", ");
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
      metrics: new Metrics(ops, processFigures),
      keys: new ApiKeys(this.#settings.apiKeys, this.#settings),
    };
  }

  async #close(): Promise<void> {
    await this.#ops.close();
    await this.#peers.close();
    await this.#shared.close();
  }
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
