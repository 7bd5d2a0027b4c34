import type { ChannelName } from "../../protocol/channel-name.ts";
import { answerAboutConnections } from "../api/connections.ts";
import { Access } from "../auth/access.ts";
import { ApiKeys } from "../auth/api-key.ts";
import { makeTokenVerifier } from "../auth/token.ts";
import type { Broker, ChannelDirectory } from "../broker/broker.ts";
import { ChannelRules } from "../channels/rules.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { Peers } from "../cluster/peers.ts";
import type { Settings } from "../config/settings.ts";
import { HttpServer } from "../http/server.ts";
import { Drain } from "../hub/drain.ts";
import { Hub, type HubParts } from "../hub/hub.ts";
import { ResumeKeys } from "../hub/resume-keys.ts";
import type { Clock } from "../lib/clock.ts";
import { Metrics } from "../ops/metrics.ts";
import { SseTransport } from "../transport/sse/sse.ts";
import { WebSocketTransport } from "../transport/websocket/websocket.ts";

/** What recent publications of all listened channels may take in this process, bytes. */
const tailBytesTotal = 64 * 1024 * 1024;

/** What a worker does not make itself. */
export interface Surroundings {
  readonly broker: Broker & ChannelDirectory;
  readonly cluster: Cluster;
  /** What resume keys are signed with, 32 bytes: the same in all workers of a server. */
  readonly resumeSecret?: Uint8Array;
  readonly clock: Clock;
  /** Other processes listen on the same port. */
  readonly sharesPort?: boolean;
  isDraining(): boolean;
  readonly listeners?: Listeners;
}

/** What the program around the server may want to hear. */
export type Listeners = Partial<Pick<HubParts, "onWelcomed" | "onLeft" | "onChat">>;

/** The parts of one worker, joined and not yet running. */
export interface Parts {
  readonly hub: Hub;
  readonly drain: Drain;
  readonly http: HttpServer;
  readonly websocket: WebSocketTransport;
  readonly sse: SseTransport;
}

/**
 * Joins the parts of one worker: the only place that knows them all.
 * @throws Error that names a setting which cannot be used
 */
export function compose(settings: Settings, surroundings: Surroundings): Parts {
  const { broker, cluster, resumeSecret, sharesPort = false, clock, isDraining, listeners = {} } = surroundings;
  const rules = new ChannelRules(settings.channelRules, {
    historySize: settings.historySize,
    historyTtl: settings.historyTtlMs,
    historyBytes: settings.historyBytes,
    isSecured: settings.isSecured,
  });
  const rulesOf = (channel: ChannelName) => rules.of(channel);
  const { jwtSecret: secret, jwtPublicKey: publicKey, jwksUrl } = settings;
  const verifier = makeTokenVerifier({ secret, publicKey, jwksUrl }, clock);
  const hub = new Hub(
    { ...settings, tailBytes: settings.historyBytes, tailBytesTotal, pingIntervalMs: settings.wsPingIntervalMs },
    {
      broker,
      peers: new Peers(cluster, clock),
      resumeKeys: new ResumeKeys(resumeSecret),
      clock,
      access: new Access({ ...settings, verifier, rulesOf }),
      historyRules: rulesOf,
      ...listeners,
      onWelcomed: (session) => {
        drain.greet(session);
        listeners.onWelcomed?.(session);
      },
    },
  );
  answerAboutConnections(hub);
  const flush = () => hub.delivery.flushNow();
  const drain = new Drain(settings, { connections: hub.connections, flush, clock, random: Math.random });
  const heartbeat = { interval: settings.wsPingIntervalMs, timeout: settings.wsPingTimeoutMs };
  const websocket = new WebSocketTransport(hub, { heartbeat, maxMessageBytes: settings.maxMessageBytes }, clock);
  const sse = new SseTransport(hub, clock);
  const ops = { hub, isDraining, startedAt: clock.now() };
  const keys = new ApiKeys(settings.apiKeys, settings);
  const api = { hub, directory: broker };
  const http = new HttpServer(
    { ...settings, sharesPort },
    { api, ops, metrics: new Metrics(ops), keys, websocket, sse },
  );
  return { hub, drain, http, websocket, sse };
}
