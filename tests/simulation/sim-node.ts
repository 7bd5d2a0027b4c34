import { everyone } from "../../protocol/channel-name.ts";
import { closeTable } from "../../protocol/close-codes.ts";
import type { ServiceError } from "../../protocol/errors.ts";
import { makePublishOccurrence } from "../../server/api/publish-occurrence.ts";
import { Access } from "../../server/auth/access.ts";
import type { HistoryRules } from "../../server/broker/log.ts";
import { RedisBroker } from "../../server/broker/redis/broker.ts";
import { Peers } from "../../server/cluster/peers.ts";
import { RedisCluster } from "../../server/cluster/redis/cluster.ts";
import { Drain, type DrainMethod } from "../../server/hub/drain.ts";
import type { Admitted } from "../../server/hub/handshake.ts";
import { Hub } from "../../server/hub/hub.ts";
import type { HubSettings } from "../../server/hub/hub-parts.ts";
import { ResumeKeys } from "../../server/hub/resume-keys.ts";
import { SessionRecords } from "../../server/hub/session-records.ts";
import type { MakeConnection } from "../../server/lib/redis/connect.ts";
import { AuditTrail } from "../../server/limits/audit-trail.ts";
import { RedisPresence } from "../../server/presence/redis/store.ts";
import { RedisScheduleStore } from "../../server/schedule/redis/store.ts";
import type { Definition } from "../../server/schedule/schedule.ts";
import { Scheduler } from "../../server/schedule/scheduler.ts";
import { Schedules } from "../../server/schedule/schedules.ts";
import { Heartbeat } from "../../server/session/heartbeat.ts";
import type { WireForm } from "../../server/session/wire-form.ts";
import { Recorder } from "../../server/trace/recorder.ts";
import { closeNameFor } from "../../server/transport/close-name.ts";
import { parseHandshake } from "../../server/transport/handshake.ts";
import { sseForm } from "../../server/transport/sse/sse-form.ts";
import { batchForm } from "../../server/transport/websocket/batch-form.ts";
import { plainForm } from "../../server/transport/websocket/plain-form.ts";
import { ConfiguredSchedules } from "../../server/worker/configured-schedules.ts";
import { Stop } from "../../server/worker/stop.ts";
import { serverRecord } from "../redis/server-record.ts";
import type { Process } from "./process.ts";
import { ModelClient } from "./redis/client.ts";
import type { ModelRedis } from "./redis/server.ts";
import { type ClientEnd, SimConnection, type SocketRoom } from "./sim-connection.ts";
import type { Route, Wire } from "./wire.ts";

/** The settings of the servers of one simulation. */
export interface NodeSettings {
  readonly hub: HubSettings;
  readonly rules: HistoryRules;
  readonly periodicMs: number;
  readonly drainWindowMs: number;
  readonly shutdownTimeoutMs: number;
  readonly room: SocketRoom;
}

/** How often a server pings, and how long an answer may take, milliseconds. */
export const heartbeat = { interval: 10_000, timeout: 5000 };

/** How long ids are remembered, milliseconds. */
const idWindowMs = 300_000;

/** A schedule whose occurrences are all published, late if necessary. */
function slotsOf(everyMs: number): Definition {
  return {
    publish: JSON.stringify({ channel: everyone, message: "slot" }),
    timing: { kind: "every", everyMs },
    jitterMs: 0,
    maxRuns: null,
    startsAt: 0,
    endsAt: null,
    catchUp: "all",
    catchUpWindowMs: 3_600_000,
  };
}

const address = {
  kind: "single" as const,
  hosts: [{ host: "redis", port: 6379 }],
  username: undefined,
  password: undefined,
  db: 0,
  hasTls: false,
  primaryName: undefined,
};

/** One server: the real parts, on a model of Redis and simulated sockets. */
export class SimNode {
  readonly process: Process;
  readonly hub: Hub;
  readonly broker: RedisBroker;
  readonly cluster: RedisCluster;
  /** Its connections to Redis: those of the broker, then those of the cluster; commands first, subscriptions second. */
  readonly redisClients: ModelClient[] = [];
  readonly redisRoute: Route;
  isReady = false;
  /** It accepts no new connections. */
  isLeaving = false;
  hasStopped = false;
  readonly #heartbeat: Heartbeat;
  readonly #scheduler: Scheduler;
  readonly #configured: ConfiguredSchedules;
  readonly #stop: Stop;
  readonly #settings: NodeSettings;

  constructor(process: Process, redis: ModelRedis, settings: NodeSettings, redisRoute: Route) {
    this.process = process;
    this.redisRoute = redisRoute;
    this.#settings = settings;
    const make = () => {
      const client = new ModelClient(process, redis, redisRoute);
      this.redisClients.push(client);
      return client;
    };
    const connect = make as unknown as MakeConnection; // it has the methods that the code uses of the library's client
    const options = { address, prefix: "sim", clock: process, connect };
    const rulesOf = () => settings.rules;
    this.broker = new RedisBroker({ ...options, record: serverRecord, replicas: 0, idWindowMs, rulesOf });
    const state = { name: process.name, pid: process.number, isDraining: false };
    this.cluster = new RedisCluster({ ...options, state });
    this.hub = new Hub(settings.hub, {
      broker: this.broker,
      peers: new Peers(this.cluster, process),
      resumeKeys: new ResumeKeys(new Uint8Array(32)),
      access: openAccess,
      historyRules: () => settings.rules,
      presenceStore: new RedisPresence(options),
      hasPresenceEvents: (channel) => channel.startsWith("room:"),
      records: new SessionRecords({ recorder: new Recorder(process), audit: new AuditTrail(process) }, process),
      clock: process,
      onWelcomed: (session) => drain.notifyNew(session),
    });
    const { drainWindowMs, shutdownTimeoutMs } = settings;
    const drain = new Drain(
      { drainWindowMs, drainMode: "move", shutdownTimeoutMs },
      {
        connections: this.hub.connections,
        flush: () => this.hub.delivery.flushNow(),
        release: (session) => this.hub.presence.release(session),
        clock: process,
        random: () => process.dice.next(),
      },
    );
    this.#heartbeat = new Heartbeat(heartbeat, process);
    const store = new RedisScheduleStore({ ...options, limits: { maxSchedules: 100, scheduleBytes: 1024 ** 2 } });
    const publish = makePublishOccurrence(this.hub);
    const random = () => process.dice.next();
    this.#scheduler = new Scheduler({ store, publish, clock: process, idWindowMs, random });
    const { periodicMs } = settings;
    const schedules = periodicMs === 0 ? [] : [{ id: "slots", definition: slotsOf(periodicMs) }];
    this.#configured = new ConfiguredSchedules(
      { notificationIntervalMs: 0, notificationMessage: "", schedules },
      { schedules: new Schedules({ store, publish, clock: process }), scheduler: this.#scheduler, clock: process },
    );
    const http = {
      closesConnections: false,
      mayBeKeptAlive: false,
      pending: 0,
      stopListening: () => {
        this.isLeaving = true;
      },
      close: () => undefined,
    };
    const stopSettings = { drainDelayMs: 0, drainWindowMs, shutdownTimeoutMs, hasTerminal: false };
    this.#stop = new Stop(stopSettings, { hub: this.hub, drain, http }, process);
  }

  /** @param onFailed called if it could not start, so that its supervisor retries */
  start(onFailed: () => void): void {
    const start = async () => {
      await this.hub.start();
      this.isReady = true;
      await this.#scheduler.start();
      this.#configured.start();
    };
    start().catch(() => onFailed());
  }

  /** It publishes no further occurrences. */
  stopSchedules(): void {
    void this.#scheduler.close();
  }

  /** SIGTERM. @param onStopped called when the process may exit */
  stop(method: DrainMethod, onStopped: () => void): void {
    this.cluster.announce({ isDraining: true });
    this.isLeaving = true;
    this.#scheduler.handOver();
    void this.#stop.run(method).then(async () => {
      await this.#configured.close();
      await this.#scheduler.close();
      this.#heartbeat.close();
      await this.hub.presence.close();
      await this.hub.peers.close();
      await this.broker.close();
      this.hub.close();
      this.hasStopped = true;
      onStopped();
    });
  }

  /** A handshake arrives. */
  accept({ query, speaksBatches, isStream = false }: SimHandshake, wire: Wire, client: ClientEnd): ServerEnd {
    const end = new ServerEnd();
    wire.onFarEnd = () => {
      end.isGone = true;
    };
    const refuse = (error: unknown) => {
      const { code, reason } = closeTable[closeNameFor((error as ServiceError).code)];
      wire.toNear(() => client.onClose(code, `${reason}: ${error}`));
      wire.closeFar();
    };
    try {
      const request = new Request(`http://sim/ws?${query}`);
      const admitted = this.hub.admit(parseHandshake(request, { ip: "10.0.0.1", remote: client.constructor.name }));
      const form = isStream ? sseForm : speaksBatches ? batchForm : plainForm;
      if (!(admitted instanceof Promise)) this.#open(admitted, end, { form, wire, client });
      else {
        admitted.then(
          (it) => {
            if (end.isGone) this.hub.cancel(it);
            else this.#open(it, end, { form, wire, client });
          },
          (error: unknown) => refuse(error),
        );
      }
    } catch (error) {
      refuse(error);
    }
    return end;
  }

  #open(
    admitted: Admitted,
    end: ServerEnd,
    { form, wire, client }: { form: WireForm; wire: Wire; client: ClientEnd },
  ): void {
    const { room } = this.#settings;
    const connection = new SimConnection(form, { wire, client, backlog: this.hub.backlog, room });
    this.#heartbeat.add(connection);
    const session = this.hub.open(admitted, connection);
    let isOver = false;
    const ended = () => {
      if (isOver) return;
      isOver = true;
      this.#heartbeat.remove(connection);
      queueMicrotask(() => this.hub.ended(session));
    };
    connection.onClosed = ended;
    wire.onFarEnd = () => {
      connection.gone();
      ended();
    };
    connection.onProbe = () => this.#heartbeat.probe(connection);
    end.receive = (text) => {
      if (isOver) return;
      this.#heartbeat.seen(connection);
      this.hub.conversationOf(session).receive(text);
    };
    end.pong = () => void this.#heartbeat.seen(connection);
    for (const text of end.early.splice(0)) end.receive(text);
  }
}

/** How a client connects. */
export interface SimHandshake {
  readonly query: string;
  readonly speaksBatches: boolean;
  /** An event stream instead of a WebSocket. */
  readonly isStream?: boolean;
}

/** Handles a message from a client at the server. */
export class ServerEnd {
  /** Frames that arrived before the handshake was answered. */
  readonly early: string[] = [];
  isGone = false;
  receive: (text: string) => void = (text) => void this.early.push(text);
  pong: () => void = () => undefined;
}

const openAccess = new Access({
  isSecured: false,
  insecure: false,
  chat: true,
  anonymous: true,
  trustUserId: true,
  verifier: undefined,
  rulesOf: () => ({ subscribe: "anyone", publish: "anyone", presence: "on" }),
});
