import type { Broker, ChannelDirectory } from "../broker/broker.ts";
import type { Cluster, MemberState } from "../cluster/cluster.ts";
import type { Settings } from "../config/settings.ts";
import { OpsServer } from "../http/ops-server.ts";
import type { ListeningAddress } from "../http/server.ts";
import type { DrainMethod } from "../hub/drain.ts";
import type { Hub } from "../hub/hub.ts";
import type { Clock } from "../lib/clock.ts";
import { readSendQueues } from "../lib/send-queues.ts";
import type { AuditTrail } from "../limits/audit-trail.ts";
import type { MetricValues } from "../ops/metric-table.ts";
import type { PresenceStore } from "../presence/presence-store.ts";
import type { ScheduleStore } from "../schedule/schedule-store.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { compose, type Listeners, type Parts } from "./compose.ts";
import { ConfiguredSchedules } from "./configured-schedules.ts";
import { Stop, type StopParts, type StopReceipt } from "./stop.ts";

/** Dependencies of the server: broker, cluster, clock. */
export interface ServerEnvironment {
  /** The server closes it when it stops. */
  readonly broker: Broker;
  /** See WorkerEnvironment. */
  readonly directory?: ChannelDirectory | undefined;
  readonly cluster: Cluster;
  /** See Backbone. */
  readonly namesAt?: ((port: number) => Pick<MemberState, "name" | "node">) | undefined;
  readonly presence: PresenceStore;
  readonly schedules: ScheduleStore;
  /** See WorkerEnvironment. */
  readonly tracing?: Tracing | undefined;
  readonly resumeSecret?: Uint8Array | undefined;
  /** Whether other processes listen on the same port. */
  readonly sharesPort?: boolean;
  readonly clock: Clock;
  readonly listeners?: Listeners;
  /** Whether to open OPS_PORT and the control socket: not in a worker, whose supervisor does so, or an embedded server. */
  readonly hasOpsListeners?: boolean;
  /** Whether the other workers listen too. By default there are none. */
  readonly isStarted?: () => boolean;
  /** Called on a drain request over HTTP. Default: the server stops. */
  readonly onDrainWanted?: () => void;
  /** Plans the slots of its connections together with those of other workers, see `StopParts`. */
  readonly planSlots?: StopParts["planSlots"];
  /** Whether it runs in a terminal, where the user can press Ctrl+C. */
  readonly hasTerminal?: boolean;
}

/** A server in this process. Several can run in one process. */
export class FanfareServer {
  readonly #settings: Settings;
  readonly #environment: ServerEnvironment;
  readonly #parts: Parts;
  readonly #configured: ConfiguredSchedules;
  readonly #stop: Stop;
  readonly #ops: OpsServer;
  readonly #stopped = Promise.withResolvers<StopReceipt>();
  #stopping: Promise<StopReceipt> | undefined;

  /** @throws Error that names an invalid setting */
  constructor(settings: Settings, environment: ServerEnvironment) {
    const { clock } = environment;
    this.#settings = settings;
    this.#environment = environment;
    const drain = environment.onDrainWanted ?? (() => void this.stop());
    // Load balancers should not stop using a server because a worker is being replaced: its successors have the same port.
    const isDraining = () => this.isStopping && !this.#parts.drain.isReplaced;
    const isSupervised = environment.onDrainWanted !== undefined;
    this.#parts = compose(settings, { ...environment, isDraining, drain, isSupervised });
    this.#ops = new OpsServer(this.#parts.ops, this.#parts.audit);
    this.#configured = new ConfiguredSchedules(settings, { ...this.#parts, clock });
    const { hasTerminal = false, planSlots } = environment;
    const parts = planSlots === undefined ? this.#parts : { ...this.#parts, planSlots };
    this.#stop = new Stop({ ...settings, hasTerminal }, parts, clock);
  }

  get hub(): Hub {
    return this.#parts.hub;
  }

  /** The metrics of this process. */
  readMetrics(): MetricValues {
    return this.#parts.readMetrics();
  }

  get audit(): AuditTrail {
    return this.#parts.audit;
  }

  /** See HttpServer. */
  reloadCertificate(): boolean {
    return this.#parts.http.reloadCertificate();
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined;
  }

  /** @throws Error with the code EADDRINUSE if the port is in use, or whatever the broker throws; then everything is closed */
  async start(): Promise<ListeningAddress> {
    try {
      await this.hub.start();
      await this.#parts.blocks.start();
      const address = this.#parts.http.listen();
      // With port 0, the system has chosen another one.
      const { cluster, namesAt } = this.#environment;
      if (namesAt !== undefined && address.port !== this.#settings.port) cluster.announce(namesAt(address.port));
      if (process.platform === "linux") {
        this.hub.backlog.watchKernel((peers) => readSendQueues(address.port, peers));
      }
      if (this.#environment.hasOpsListeners) await this.#ops.listen(this.#settings, address.port);
      this.#parts.samples.start();
      await this.#parts.scheduler.start();
      this.#configured.start();
      return address;
    } catch (error) {
      await this.#close();
      throw error;
    }
  }

  /** Resolves once the server has stopped, for whatever reason. */
  get stopped(): Promise<StopReceipt> {
    return this.#stopped.promise;
  }

  /** Waits for the clients to leave, up to SHUTDOWN_TIMEOUT, and closes the rest. Idempotent. */
  stop(method?: DrainMethod): Promise<StopReceipt> {
    if (this.#stopping === undefined) {
      this.#environment.cluster.announce({ isDraining: true });
      this.#parts.scheduler.handOver();
      this.#parts.tails.close();
      const usual = { mode: this.#settings.drainMode, successor: this.#successor };
      this.#stopping = this.#stop.run(method ?? usual).finally(() => this.#close());
      this.#stopping.then(this.#stopped.resolve, this.#stopped.reject);
    }
    return this.#stopping;
  }

  /** Makes all clients reconnect elsewhere within DRAIN_WINDOW, even if the server is already waiting for them. */
  moveClients(successor = this.#successor): Promise<StopReceipt> {
    // Each client already has its reconnect time. At the end of the window, the server closes the remaining connections.
    if (this.isStopping) this.#stop.limit(this.#settings.drainWindowMs);
    return this.stop({ mode: "move", successor, isUrgent: true });
  }

  /** Stops waiting and closes all remaining connections at once. */
  stopNow(): Promise<StopReceipt> {
    const stopping = this.stop();
    this.#stop.closeNow();
    return stopping;
  }

  /** Whether clients that reconnect can reach another node. Unless they are replaced, all workers of a node stop together. */
  get #successor(): DrainMethod["successor"] {
    const [self, ...others] = this.#environment.cluster.members();
    const isThere = others.some(({ state: { node, isDraining, isSupervisor = false } }) => {
      return node !== undefined && node !== self?.state.node && !isDraining && !isSupervisor;
    });
    return isThere ? "other-node" : "none";
  }

  async #close(): Promise<void> {
    const { hub, websocket, sse, scheduler, samples } = this.#parts;
    samples.close();
    await this.#configured.close();
    await scheduler.close();
    this.#parts.http.close();
    await this.#ops.close();
    this.#parts.blocks.close();
    websocket.close();
    sse.close();
    await hub.presence.close();
    await this.#parts.application.close();
    await this.#environment.tracing?.close();
    await hub.peers.close();
    await this.#environment.broker.close();
    hub.close();
  }
}
