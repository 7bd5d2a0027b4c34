import { ApiKeys } from "../auth/api-key.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Settings } from "../config/settings.ts";
import type { OpsParts } from "../http/ops-routes.ts";
import { OpsServer } from "../http/ops-server.ts";
import { systemClock } from "../lib/clock.ts";
import type { AuditTrail } from "../limits/audit-trail.ts";
import { type OpsDependencies, startUptime } from "../ops/health.ts";
import { Metrics } from "../ops/metrics.ts";
import { processMetrics } from "../ops/read-metrics.ts";
import { hostRolls, type Rolls } from "../ops/rolls.ts";
import type { PlainSample } from "../ops/sample-ring.ts";
import { Samples } from "../ops/samples.ts";
import { registerStatsHandler } from "../ops/stats.ts";
import type { Generations } from "./generations.ts";
import type { StoppedMetrics } from "./stopped-metrics.ts";
import { type WorkerHour, WorkerHours } from "./worker-hours.ts";

/** The last hour of the supervisor and of its workers, for the program that replaces this one. */
export interface LastHours {
  readonly own: readonly PlainSample[];
  readonly workers: readonly WorkerHour[];
}

/** Dependencies of operations, from the supervisor. */
export interface SupervisorOpsDependencies extends Pick<OpsDependencies, "isHealthy" | "isDraining" | "drain"> {
  /** The supervisor as a member of the cluster, not started yet. */
  readonly peers: Peers;
  /** The name of this node; null if there is only one. */
  readonly node: string | null;
  /** @returns the number of the roll */
  reload(): number;
  /** @returns the number of the roll */
  upgrade(): number;
  readonly generations: Pick<Generations, "status" | "counts">;
  readonly stoppedMetrics: StoppedMetrics;
  readonly audit: AuditTrail;
  /** Those of the program that this one has replaced. */
  readonly lastHours?: LastHours | undefined;
}

/** Health, metrics and commands of the whole server, on OPS_PORT and the control socket. */
export class SupervisorOps {
  readonly #dependencies: SupervisorOpsDependencies;
  readonly #server: OpsServer;
  #settings: Settings;
  #keys: ApiKeys;
  readonly #samples = new Samples({ readMetrics: processMetrics, readRefusals: () => ({}) }, systemClock);
  readonly #workerHours: WorkerHours;

  constructor(settings: Settings, dependencies: SupervisorOpsDependencies) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    this.#keys = new ApiKeys(settings.apiKeys, settings);
    const { lastHours } = dependencies;
    this.#samples.ring.addAll(lastHours?.own ?? []);
    this.#workerHours = new WorkerHours({ ...dependencies, clock: systemClock }, lastHours?.workers);
    this.#server = new OpsServer(this.#parts(), dependencies.audit);
  }

  /** @throws UnusableOpsPort */
  async start(): Promise<void> {
    this.#samples.start();
    this.#workerHours.start();
    await this.#dependencies.peers.start();
    await this.#server.listen(this.#settings, this.#settings.port);
  }

  /** Applies the settings of new workers. */
  update(settings: Settings): void {
    this.#settings = settings;
    this.#keys = new ApiKeys(settings.apiKeys, settings);
    this.#server.update(settings);
  }

  /** For the program that replaces this one. */
  get lastHours(): LastHours {
    return { own: this.#samples.ring.since(0), workers: this.#workerHours.dump() };
  }

  async close(): Promise<void> {
    this.#samples.close();
    this.#workerHours.close();
    await this.#server.close();
    await this.#dependencies.peers.close();
  }

  /** Removes the socket file synchronously, for a process that exits at once. */
  abandon(): void {
    this.#server.abandon();
  }

  #parts(): OpsParts {
    const { peers, node, isHealthy, isDraining, drain, reload, upgrade, generations, stoppedMetrics } =
      this.#dependencies;
    const rolls: Rolls = {
      reload: async () => (isDraining() ? { refusal: "the server is shutting down" } : { number: reload() }),
      upgrade: async () => (isDraining() ? { refusal: "the server is shutting down" } : { number: upgrade() }),
      status: async () => generations.status,
    };
    hostRolls(rolls, peers, node);
    registerStatsHandler(peers, this.#samples.ring, this.#workerHours);
    const ops = { peers, isHealthy, isDraining, drain, rolls, uptimeS: startUptime(systemClock) };
    const metrics = new Metrics(ops, () => {
      const { rolls: count, failed } = generations.counts;
      return { ...stoppedMetrics.addedTo(processMetrics()), rolls_total: count, rolls_failed_total: failed };
    });
    const keys: OpsParts["keys"] = {
      check: (headers, scope) => this.#keys.check(headers, scope),
      checkIfGiven: (headers, scope) => this.#keys.checkIfGiven(headers, scope),
    };
    return { ops, metrics, keys };
  }
}
