import { hostname } from "node:os";
import type { ChannelName } from "../../protocol/channel-name.ts";
import { registerConnectionHandlers } from "../api/connections.ts";
import { makePublishOccurrence } from "../api/publish-occurrence.ts";
import { registerTraceHandler } from "../api/trace.ts";
import { Access } from "../auth/access.ts";
import { ApiKeys } from "../auth/api-key.ts";
import { BlockList } from "../auth/block-list.ts";
import type { Identity } from "../auth/identity.ts";
import { makeTokenVerifier } from "../auth/token.ts";
import type { Broker, ChannelDirectory } from "../broker/broker.ts";
import type { ChannelOptions } from "../channels/rules.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import type { Settings } from "../config/settings.ts";
import { BusyChannels } from "../delivery/busy-channels.ts";
import type { ApplicationHooks } from "../hooks/application-hooks.ts";
import type { OpsParts } from "../http/ops-routes.ts";
import { HttpServer } from "../http/server.ts";
import { TextResponses } from "../http/text-responses.ts";
import { Blocks } from "../hub/blocks.ts";
import { FactsCollector } from "../hub/connection-facts.ts";
import { Drain } from "../hub/drain.ts";
import { Hub } from "../hub/hub.ts";
import type { HubParts } from "../hub/hub-parts.ts";
import { ListenedChannels } from "../hub/listened-channels.ts";
import { ResumeKeys } from "../hub/resume-keys.ts";
import { SessionRecords } from "../hub/session-records.ts";
import { TopChannels } from "../hub/top-channels.ts";
import type { Clock } from "../lib/clock.ts";
import { connectionsWithin, openFilesLimit } from "../lib/open-files.ts";
import { AuditTrail } from "../limits/audit-trail.ts";
import { startUptime } from "../ops/health.ts";
import type { MetricValues } from "../ops/metric-table.ts";
import { Metrics } from "../ops/metrics.ts";
import { hubMetrics } from "../ops/read-metrics.ts";
import { RemoteRolls } from "../ops/rolls.ts";
import { Samples } from "../ops/samples.ts";
import { labelledValues } from "../ops/series.ts";
import { registerStatsHandler } from "../ops/stats.ts";
import type { PresenceStore } from "../presence/presence-store.ts";
import type { ScheduleStore } from "../schedule/schedule-store.ts";
import { Scheduler } from "../schedule/scheduler.ts";
import { Schedules } from "../schedule/schedules.ts";
import type { Session } from "../session/session.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { Recorder } from "../trace/recorder.ts";
import { Tails } from "../trace/tails.ts";
import { SseTransport } from "../transport/sse/sse.ts";
import { WebSocketTransport } from "../transport/websocket/websocket.ts";
import { type ApplicationParts, composeApplication } from "./application.ts";
import { channelLookup } from "./channel-options.ts";
import { composeMemory } from "./compose-memory.ts";

/** Maximum memory for recent publications in this process, in bytes. It is also at most a quarter of the total history. */
const mostTailBytes = 64 * 1024 * 1024;

/** Dependencies of a worker, from its environment. */
export interface WorkerEnvironment {
  readonly broker: Broker;
  /** Undefined if the broker has none: then only channels with subscribers are listed. */
  readonly directory?: ChannelDirectory | undefined;
  readonly cluster: Cluster;
  readonly presence: PresenceStore;
  readonly schedules: ScheduleStore;
  /** Undefined if nothing is traced. The server closes it when it stops. */
  readonly tracing?: Tracing | undefined;
  /** The 32-byte secret that signs resume keys, the same in all workers of a server. */
  readonly resumeSecret?: Uint8Array | undefined;
  readonly clock: Clock;
  /** Whether other processes listen on the same port. */
  readonly sharesPort?: boolean;
  isDraining(): boolean;
  /** Starts to drain the whole server, on request over HTTP. */
  drain(): void;
  /** Whether a supervisor can replace this worker. */
  readonly isSupervised?: boolean;
  /** Whether the other workers listen too. By default there are none. */
  readonly isStarted?: () => boolean;
  readonly listeners?: Listeners;
}

/** Callbacks for a program that embeds the server. */
export type Listeners = Partial<Pick<HubParts, "onWelcomed" | "onLeft" | "onChat">>;

/** The parts of a worker, connected but not started. */
export interface Parts {
  readonly hub: Hub;
  readonly drain: Drain;
  readonly http: HttpServer;
  readonly ops: OpsParts;
  readonly websocket: WebSocketTransport;
  readonly sse: SseTransport;
  readonly tails: Tails;
  /** The last hour of this process. */
  readonly samples: Samples;
  /** The metrics of this process. */
  readMetrics(): MetricValues;
  readonly schedules: Schedules;
  readonly scheduler: Scheduler;
  readonly blocks: Blocks;
  readonly application: ApplicationParts;
  readonly audit: AuditTrail;
}

/**
 * Creates and connects the parts of a worker (composition root).
 * @throws Error that names an invalid setting
 */
export function compose(settings: Settings, environment: WorkerEnvironment): Parts {
  const { broker, clock, sharesPort = false } = environment;
  const { rulesOf, ruleFor } = channelLookup(settings);
  const blockList = new BlockList();
  const application = composeApplication(settings, clock);
  const { hooks, webhooks } = application;
  const access = composeAccess(settings, clock, { rulesOf, blockList, hooks });
  const recorder = new Recorder(clock);
  const greet = (session: Session) => drain.notifyNew(session);
  const audit = new AuditTrail(clock);
  const hub = composeHub(settings, environment, { access, rulesOf, recorder, audit, greet, webhooks });
  registerConnectionHandlers(hub);
  const { connections, delivery, peers } = hub;
  const { journal, feed } = recorder;
  const ruleOf = rulesOf;
  registerTraceHandler(hub, new FactsCollector({ connections, delivery, access, journal, ruleOf, clock }));
  const tails = new Tails(feed, peers, clock);
  const flush = () => hub.delivery.flushNow();
  const release = (session: Session) => hub.presence.release(session);
  const drain = new Drain(settings, { connections: hub.connections, flush, release, clock, random: Math.random });
  const heartbeat = { interval: settings.wsPingIntervalMs, timeout: settings.wsPingTimeoutMs };
  const websocket = new WebSocketTransport(hub, { heartbeat, maxMessageBytes: settings.maxMessageBytes }, clock);
  const sse = new SseTransport(hub, settings, clock);
  const readMetrics = () => ({
    ...hubMetrics(hub, drain),
    ...labelledValues("refusals_total", "code", journal.refusals),
    ...application.readMetrics(),
  });
  const ops = composeOps(settings, environment, hub, readMetrics);
  const samples = composeSamples(hub, recorder, { readMetrics, clock });
  const directory = environment.directory ?? new ListenedChannels(hub.delivery.interest, hub.peers, broker);
  const busy = new BusyChannels(delivery.interest, clock);
  const topChannels = new TopChannels({ peers, occupancy: hub.occupancy, directory, busy });
  const { schedules, scheduler } = composeSchedules(settings, environment, hub);
  const blocks = new Blocks({ list: blockList, broker, peers, connections, clock });
  const api = { hub, access, directory, schedules, ruleFor, blocks, clock };
  const responses = new TextResponses(hub.backlog);
  const http = new HttpServer(
    { ...settings, sharesPort },
    {
      ...ops,
      api,
      tracing: environment.tracing,
      websocket,
      sse,
      tails,
      topChannels,
      recorder,
      clock,
      audit,
      responses,
    },
  );
  return {
    hub,
    drain,
    http,
    ops,
    websocket,
    sse,
    tails,
    samples,
    schedules,
    scheduler,
    blocks,
    application,
    audit,
    readMetrics,
  };
}

/** Dependencies of access control. */
interface AccessParts {
  readonly rulesOf: (channel: ChannelName) => ChannelOptions;
  readonly blockList: BlockList;
  readonly hooks: ApplicationHooks;
}

function composeAccess(settings: Settings, clock: Clock, { rulesOf, blockList, hooks }: AccessParts): Access {
  const { jwtSecret: secret, jwtPublicKey: publicKey, jwksUrl, jwtIssuer: issuers, jwtAudience: audiences } = settings;
  const verifier = makeTokenVerifier({ secret, publicKey, jwksUrl, issuers, audiences }, clock);
  const whyBlocked = (identity: Identity) => blockList.whyBlocked(identity, clock.now());
  return new Access({ ...settings, verifier, rulesOf, whyBlocked, application: hooks });
}

function composeSchedules(settings: Settings, { clock, schedules: store }: WorkerEnvironment, hub: Hub) {
  const publish = makePublishOccurrence(hub);
  const { idempotencyWindowMs: idWindowMs } = settings;
  return {
    schedules: new Schedules({ store, publish, clock }),
    scheduler: new Scheduler({ store, publish, clock, idWindowMs, name: `${hostname()}:${process.pid}` }),
  };
}

/** Dependencies of the hub that are not part of the worker's environment. */
interface HubCallbacks {
  readonly access: Access;
  readonly rulesOf: (channel: ChannelName) => ChannelOptions;
  readonly recorder: Recorder;
  readonly audit: AuditTrail;
  greet(session: Session): void;
  readonly webhooks: ApplicationParts["webhooks"];
}

function composeHub(settings: Settings, environment: WorkerEnvironment, callbacks: HubCallbacks): Hub {
  const { access, rulesOf, greet, webhooks } = callbacks;
  const { broker, cluster, presence: presenceStore, clock, tracing, resumeSecret, listeners = {} } = environment;
  const records = new SessionRecords(callbacks, clock);
  return new Hub(
    {
      ...settings,
      maxConnections: connectionsWithin(settings.maxConnections, openFilesLimit()),
      tailBytes: settings.historyBytes,
      tailBytesTotal: Math.min(mostTailBytes, settings.historyBytesTotal / 4),
      pingIntervalMs: settings.wsPingIntervalMs,
    },
    {
      broker,
      clock,
      access,
      records,
      peers: new Peers(cluster, clock),
      resumeKeys: new ResumeKeys(resumeSecret),
      historyRules: rulesOf,
      presenceStore,
      tracing,
      memory: composeMemory(settings, environment),
      hasPresenceEvents: (channel) => rulesOf(channel).presenceEvents,
      ...listeners,
      presenceReport: webhooks,
      onPublished: (draft, published) => {
        records.published(draft, published);
        webhooks?.published(draft, published);
      },
      onWelcomed: (session) => {
        greet(session);
        records.welcomed(session);
        webhooks?.connected(session);
        listeners.onWelcomed?.(session);
      },
      onLeft: (session) => {
        webhooks?.disconnected(session);
        listeners.onLeft?.(session);
      },
    },
  );
}

function composeSamples(
  { delivery, peers }: Hub,
  { journal }: Recorder,
  { readMetrics, clock }: { readonly readMetrics: () => MetricValues; readonly clock: Clock },
): Samples {
  const sumOf = (numbers: Iterable<number>) => [...numbers].reduce((sum, it) => sum + it, 0);
  const sources = {
    readMetrics: () => ({
      ...readMetrics(),
      lagging: delivery.lagging,
      all_refusals_total: sumOf(journal.refusals.values()),
    }),
    readRefusals: () => Object.fromEntries(journal.refusals),
  };
  const samples = new Samples(sources, clock);
  registerStatsHandler(peers, samples.ring);
  return samples;
}

function composeOps(
  settings: Settings,
  environment: WorkerEnvironment,
  hub: Hub,
  readMetrics: () => MetricValues,
): OpsParts {
  const { clock, cluster, isDraining, drain, isSupervised = false, isStarted = () => true } = environment;
  const isHealthy = () => hub.isHealthy && isStarted();
  const rolls = isSupervised ? new RemoteRolls(hub.peers, () => cluster.members()[0]?.state.node ?? null) : undefined;
  const ops = { peers: hub.peers, isHealthy, isDraining, drain, rolls, uptimeS: startUptime(clock) };
  const metrics = new Metrics(ops, readMetrics);
  return { ops, metrics, keys: new ApiKeys(settings.apiKeys, settings) };
}
