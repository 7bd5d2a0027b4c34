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
import { Samples } from "../ops/samples.ts";
import { registerStatsHandler } from "../ops/stats.ts";
import type { Generations } from "./generations.ts";
import type { StoppedMetrics } from "./stopped-metrics.ts";

/** What operations need from the supervisor. */
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
}

/** Health, metrics and commands of the whole server, on OPS_PORT and the control socket. */
export class SupervisorOps {
  readonly #dependencies: SupervisorOpsDependencies;
  readonly #server: OpsServer;
  #settings: Settings;
  #keys: ApiKeys;
  readonly #samples = new Samples({ readMetrics: processMetrics, readRefusals: () => ({}) }, systemClock);

  constructor(settings: Settings, dependencies: SupervisorOpsDependencies) {
    this.#settings = settings;
    this.#dependencies = dependencies;
    this.#keys = new ApiKeys(settings.apiKeys, settings);
    this.#server = new OpsServer(this.#parts(), dependencies.audit);
  }

  /** @throws UnusableOpsPort */
  async start(): Promise<void> {
    this.#samples.start();
    await this.#dependencies.peers.start();
    await this.#server.listen(this.#settings, this.#settings.port);
  }

  /** Applies the settings of new workers. */
  update(settings: Settings): void {
    this.#settings = settings;
    this.#keys = new ApiKeys(settings.apiKeys, settings);
    this.#server.update(settings);
  }

  async close(): Promise<void> {
    this.#samples.close();
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
    registerStatsHandler(peers, this.#samples);
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
