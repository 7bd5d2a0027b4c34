import { type ChannelName, userChannel } from "../../protocol/channel-name.ts";
import { Access } from "../../server/auth/access.ts";
import type { Application } from "../../server/auth/application.ts";
import type { AccessRules } from "../../server/auth/rights.ts";
import type { TokenVerifier } from "../../server/auth/token.ts";
import type { Broker } from "../../server/broker/broker.ts";
import { EmbeddedBroker } from "../../server/broker/embedded/broker.ts";
import type { HistoryRules, Log } from "../../server/broker/log.ts";
import { MemoryLog } from "../../server/broker/memory/log.ts";
import type { Cluster } from "../../server/cluster/cluster.ts";
import { MemoryCluster } from "../../server/cluster/memory/cluster.ts";
import { Peers } from "../../server/cluster/peers.ts";
import type { Conversation } from "../../server/hub/conversation.ts";
import type { Handshake } from "../../server/hub/handshake.ts";
import { Hub } from "../../server/hub/hub.ts";
import type { HubSettings } from "../../server/hub/hub-parts.ts";
import { ResumeKeys } from "../../server/hub/resume-keys.ts";
import { SessionRecords } from "../../server/hub/session-records.ts";
import { MovedClock } from "../../server/lib/moved-clock.ts";
import type { AuditEntry } from "../../server/limits/audit-trail.ts";
import { unlimited } from "../../server/limits/rates.ts";
import { MemoryPresence } from "../../server/presence/memory/store.ts";
import type { PresenceStore } from "../../server/presence/presence-store.ts";
import type { Session } from "../../server/session/session.ts";
import { Recorder } from "../../server/trace/recorder.ts";
import { FakeConnection } from "./connection.ts";
import { UnsteadyBroker } from "./unsteady-broker.ts";

const usualSettings: HubSettings = {
  maxConnections: 1000,
  maxConnectionsPerIp: 1000,
  maxConnectionsPerUser: 100,
  userConnections: "many",
  maxChannels: 100,
  presenceSize: 10_000,
  presenceBytes: 256 * 1024 ** 2,
  notices: false,
  pingIntervalMs: 30_000,
  flushWindowMs: 5,
  tailBytes: 1_000_000,
  tailBytesTotal: 10_000_000,
  ...unlimited,
  slowTimeoutMs: 60_000,
  sendBufferBytes: 128 * 1024 ** 2,
  maxMessageBytes: 64 * 1024,
};

export const usualRules: HistoryRules = { historySize: 1000, historyTtl: 300_000, historyBytes: 1_000_000 };

/** A test's changes of the defaults. */
export interface TestHubOptions {
  readonly settings?: Partial<HubSettings>;
  readonly rules?: Partial<HistoryRules>;
  readonly clock?: MovedClock;
  readonly log?: Log;
  /** Wraps the broker that the hub uses. */
  readonly wrap?: (broker: Broker) => Broker;
  /** Used instead of a cluster of its own. */
  readonly cluster?: Cluster;
  /** Used instead of a store of its own. */
  readonly presence?: PresenceStore;
  /** Default: no channel has presence events. */
  readonly hasPresenceEvents?: (channel: ChannelName) => boolean;
  readonly resumeKeys?: ResumeKeys;
  /** Verifies tokens. Without it every token is refused. */
  readonly verifier?: TokenVerifier;
  /** The access rules of all channels. */
  readonly access?: AccessRules;
  readonly application?: Application;
  readonly onWelcomed?: (session: Session) => void;
  readonly onLeft?: (session: Session) => void;
}

/** A connected client: its socket, its conversation with the hub, and its session. */
export interface TestClient {
  readonly connection: FakeConnection;
  readonly conversation: Conversation;
  readonly session: Session;
}

/** A real hub on a real broker in memory, with fake sockets and a fake clock. */
export class TestHub {
  readonly clock: MovedClock;
  readonly broker: UnsteadyBroker;
  readonly hub: Hub;
  readonly resumeKeys: ResumeKeys;
  readonly recorder: Recorder;
  /** The entries of the audit trail. */
  readonly audited: AuditEntry[] = [];

  constructor({
    clock = new MovedClock(),
    settings,
    rules,
    log,
    wrap,
    cluster,
    presence,
    hasPresenceEvents = () => false,
    resumeKeys,
    verifier,
    access = { subscribe: "anyone", publish: "anyone", presence: "on" },
    application,
    onWelcomed,
    onLeft,
  }: TestHubOptions = {}) {
    this.clock = clock;
    this.recorder = new Recorder(clock);
    this.resumeKeys = resumeKeys ?? new ResumeKeys();
    const inner = new EmbeddedBroker(log ?? new MemoryLog({ clock }), clock);
    this.broker = new UnsteadyBroker(wrap?.(inner) ?? inner, clock);
    const audit = { record: (entry: AuditEntry) => void this.audited.push(entry) };
    const historyRules = { ...usualRules, ...rules };
    this.hub = new Hub(
      { ...usualSettings, ...settings },
      {
        broker: this.broker,
        peers: new Peers(cluster ?? MemoryCluster.alone(clock), clock),
        resumeKeys: this.resumeKeys,
        clock,
        access: new Access({
          isSecured: false,
          insecure: false,
          chat: true,
          anonymous: true,
          trustUserId: true,
          verifier,
          rulesOf: () => access,
          application,
        }),
        historyRules: () => historyRules,
        records: new SessionRecords({ recorder: this.recorder, audit }, clock),
        presenceStore: presence ?? new MemoryPresence(clock),
        hasPresenceEvents,
        onWelcomed: onWelcomed ?? (() => undefined),
        onLeft: onLeft ?? (() => undefined),
      },
    );
  }

  /** Starts a hub. */
  static async start(options?: TestHubOptions): Promise<TestHub> {
    const it = new TestHub(options);
    await it.hub.start();
    return it;
  }

  /** Connects a client without waiting for the welcome. @throws ServiceError */
  async enter(handshake: Partial<Handshake> = {}, connection = new FakeConnection()): Promise<TestClient> {
    const admitted = this.hub.admit(makeArrival(handshake));
    const session = this.hub.open(admitted instanceof Promise ? await admitted : admitted, connection);
    const { hub } = this;
    connection.backlog = this.hub.backlog;
    connection.onClose = () => queueMicrotask(() => this.hub.ended(session));
    return {
      connection,
      session,
      get conversation() {
        return hub.conversationOf(session);
      },
    };
  }

  /** Connects a client and waits for the welcome. @throws ServiceError */
  async connect(handshake: Partial<Handshake> = {}, connection = new FakeConnection()): Promise<TestClient> {
    const client = await this.enter(handshake, connection);
    await this.settle();
    return client;
  }

  /** Drops the client's socket. */
  leave({ connection, session }: TestClient): void {
    connection.vanish();
    this.hub.ended(session);
  }

  publish(channel: string, message = "m", more: { readonly id?: string; readonly excludeConnectionId?: string } = {}) {
    return this.hub.publish({ channel: nameOf(channel), message, ...more });
  }

  /** Runs all timers that are due, and the work that follows from them. */
  async settle(turns = 3): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await this.clock.moveInSteps(1, 1);
  }

  async close(): Promise<void> {
    this.hub.close();
    await this.broker.close();
  }
}

export function makeArrival(handshake: Partial<Handshake> = {}): Handshake {
  return {
    userId: undefined,
    token: undefined,
    channels: [],
    since: undefined,
    takesOver: undefined,
    ip: "127.0.0.1",
    remote: "127.0.0.1:52341",
    ...handshake,
  };
}

/** The name of a channel; `@u1` is the channel of the user u1. */
export function nameOf(text: string): ChannelName {
  return text.startsWith("@") ? userChannel(text.slice(1)) : (text as ChannelName);
}
