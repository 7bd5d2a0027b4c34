import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Since } from "../../protocol/position.ts";
import type { Body, Draft, Labels } from "../../protocol/publication.ts";
import type { Identity } from "../auth/identity.ts";
import type { Published } from "../broker/broker.ts";
import type { History } from "../broker/log.ts";
import type { Peers } from "../cluster/peers.ts";
import type { Announcement } from "../cluster/roster.ts";
import { Delivery } from "../delivery/delivery.ts";
import { type Moment, momentOf } from "../lib/clock.ts";
import type { Account } from "../limits/account.ts";
import { Budgets } from "../limits/budgets.ts";
import { Backlog } from "../session/backlog.ts";
import type { Connection } from "../session/connection.ts";
import type { Session } from "../session/session.ts";
import { Announcements } from "./announcements.ts";
import type { Chat } from "./commands/dependencies.ts";
import { Connections } from "./connections.ts";
import { Conversation, type ConversationSettings } from "./conversation.ts";
import type { Admitted, Handshake } from "./handshake.ts";
import { HistoryPages, type PageRequest } from "./history-pages.ts";
import type { HubParts, HubSettings } from "./hub-parts.ts";
import { logChat } from "./log-published.ts";
import { Occupancy } from "./occupancy.ts";
import { HubPresence } from "./presence.ts";
import { Publishing } from "./publishing.ts";
import { Reception } from "./reception.ts";
import { Subscriptions } from "./subscriptions.ts";
import { TokenExpiry } from "./token-expiry.ts";
import { tracedFlush } from "./traced-flush.ts";

/** Connects the parts of one worker: connections, subscriptions and publications. Each part does one thing. */
export class Hub {
  readonly connections = new Connections();
  readonly peers: Peers;
  readonly reception: Reception;
  readonly delivery: Delivery;
  readonly occupancy: Occupancy;
  readonly presence: HubPresence;
  /** The bytes that are buffered for clients that do not read. */
  readonly backlog: Backlog;
  /** The remaining budgets of users, keys and addresses. */
  readonly budgets: Budgets;
  /** Whether publishing is possible, according to the broker. */
  isHealthy = true;
  readonly #parts: HubParts;
  readonly #announcements: Announcements;
  readonly #expiry: TokenExpiry;
  readonly #subscriptions: Subscriptions;
  readonly #pages: HistoryPages;
  readonly #publishing: Publishing;
  readonly #conversation: ConversationSettings;

  constructor(settings: HubSettings, parts: HubParts) {
    const { access, broker, clock, peers, records } = parts;
    this.#parts = parts;
    this.peers = peers;
    this.#announcements = new Announcements(settings.notices, this.connections, peers, clock);
    this.backlog = new Backlog(settings, clock);
    this.budgets = new Budgets(settings, clock);
    this.#expiry = new TokenExpiry(clock);
    const sessionById = (id: string) => this.connections.byId(id);
    const hasRoomFor = (bytes: number, { connection }: Session) => this.backlog.hasRoomFor(bytes, connection);
    const historyTtlOf = (channel: ChannelName) => parts.historyRules(channel).historyTtl;
    const onLevel = (session: Session) => this.reception.caughtUp(session);
    const { onGap, onChannelGap } = records;
    const accountOf = (session: Session) => this.accountOf(session);
    const onFlushed = tracedFlush(parts.tracing, clock);
    const events = { onLevel, sessionById, hasRoomFor, accountOf, historyTtlOf, onGap, onChannelGap, onFlushed };
    this.delivery = new Delivery(broker, settings, events, clock);
    this.#publishing = new Publishing({
      broker,
      historyRules: parts.historyRules,
      knownName: (channel) => this.delivery.interest.get(channel)?.name,
      maxMessageBytes: settings.maxMessageBytes,
      memory: parts.memory,
      tracing: parts.tracing,
      onPublished: parts.onPublished,
    });
    this.#pages = new HistoryPages(this.delivery.history, this.backlog, clock);
    this.occupancy = new Occupancy(this.delivery.interest, peers);
    this.presence = new HubPresence({
      store: parts.presenceStore,
      hasEvents: parts.hasPresenceEvents,
      presenceSize: settings.presenceSize,
      presenceBytes: settings.presenceBytes,
      report: parts.presenceReport,
      interest: this.delivery.interest,
      occupancy: this.occupancy,
      peers,
      clock,
    });
    const { connections, delivery, presence } = this;
    const { maxChannels } = settings;
    this.#subscriptions = new Subscriptions({ connections, delivery, presence, records, maxChannels });
    this.reception = new Reception(settings, {
      access,
      budgets: this.budgets,
      memory: parts.memory,
      clock,
      connections: this.connections,
      delivery: this.delivery,
      presence: this.presence,
      peers,
      resumeKeys: parts.resumeKeys,
      records,
      onWelcomed: (session, announcement) => this.#welcomed(session, announcement),
    });
    this.#conversation = {
      maxRefusals: Math.max(10, settings.messageRate * 2),
      maxMessageBytes: settings.maxMessageBytes,
      dependencies: this.#dependencies(),
      backlog: this.backlog,
      records,
      clock,
      counts: { frames: 0 },
    };
  }

  /** Connects to the broker and to the other workers. */
  async start(): Promise<void> {
    await this.#parts.peers.start();
    await this.presence.start();
    await this.#parts.broker.start({
      onPublication: this.delivery.receive,
      onBreak: () => this.delivery.checkAll(),
      onReset: this.delivery.reset,
      onHealth: (healthy) => {
        this.isHealthy = healthy;
      },
    });
  }

  /** @throws ServiceError if the connection is refused, synchronously or as a rejection */
  admit(handshake: Handshake): Admitted | Promise<Admitted> {
    return this.reception.admit(handshake);
  }

  /** Identifies a client without counting it. @throws ServiceError, synchronously or as a rejection */
  identify(handshake: Handshake): Identity | Promise<Identity> {
    return this.reception.identify(handshake);
  }

  /** The handshake failed after it was admitted. */
  cancel(admitted: Admitted): void {
    this.reception.cancel(admitted);
  }

  /** A socket was opened. Its transport passes on the frames it receives, and calls `ended` once. */
  open(admitted: Admitted, connection: Connection): Session {
    const session = this.reception.open(admitted, connection, startAnswering);
    this.#expiry.watch(session);
    return session;
  }

  /** Answers the frames of a session. Made with the first frame: most connections only receive. */
  conversationOf(session: Session): Conversation {
    const known = session.answering;
    return known instanceof Conversation ? known : new Conversation(session, this.#conversation);
  }

  /** The client has answered a ping of the server. That is not charged, because the server decides how often it happens. */
  countPong(): void {
    this.#conversation.counts.frames++;
  }

  /** The socket was closed, by either side. */
  ended(session: Session): void {
    // Both sides of a stream may close it at the same time.
    if (this.connections.byId(session.id) !== session) return;
    this.#expiry.forget(session);
    session.answering?.onEnd();
    this.#parts.records.ended(session);
    if (session.isWelcomed) this.#parts.onLeft?.(session);
    this.#announcements.ended(this.reception.ended(session));
  }

  /** @throws ServiceError "too-large" */
  checkSize(draft: Body & Labels): void {
    this.#publishing.checkSize(draft);
  }

  /** See Publishing. */
  publish(draft: Draft, moment?: Moment): Published | Promise<Published> {
    return this.#publishing.publish(draft, moment);
  }

  /** The current time, for `publish`. */
  get moment(): Moment {
    return momentOf(this.#parts.clock);
  }

  /** Publications being stored. */
  get inFlight(): number {
    return this.#publishing.inFlight;
  }

  /** Publications that were stored or delivered. */
  get published(): number {
    return this.#publishing.count;
  }

  /** See HistoryPages. */
  history(request: PageRequest, account: Account): Promise<History> {
    return this.#pages.read(request, account);
  }

  /** The budgets to which the commands of a session are charged. */
  accountOf(session: Session): Account {
    const { account: known, identity, userId } = session;
    if (known !== undefined) return known;
    const isProven = identity.token !== undefined;
    const account = this.budgets.accountOf({ userId, isProven, ip: session.origin.ip });
    session.account = account;
    return account;
  }

  /** Number of sessions whose socket is full. */
  get slowReaders(): number {
    return this.delivery.blocked;
  }

  /** Number of frames received from clients. */
  get framesReceived(): number {
    return this.#conversation.counts.frames;
  }

  /** Cancels all timers. Idempotent. */
  close(): void {
    this.#announcements.close();
    this.backlog.close();
    this.delivery.close();
  }

  #dependencies() {
    return {
      access: this.#parts.access,
      publish: (draft: Draft) => this.publish(draft),
      subscribe: (session: Session, channel: ChannelName, since: Since | undefined) =>
        this.#subscriptions.subscribe(session, channel, since),
      subscribeOnce: (...join: Parameters<Subscriptions["subscribeOnce"]>) =>
        this.#subscriptions.subscribeOnce(...join),
      unsubscribe: (...leave: Parameters<Subscriptions["unsubscribe"]>) => this.#subscriptions.unsubscribe(...leave),
      history: (request: PageRequest, account: Account) => this.history(request, account),
      accountOf: (session: Session) => this.accountOf(session),
      presence: this.presence,
      onIdentity: (session: Session) => {
        session.account = undefined;
        // The session may have ended while the token was checked; its timer would never be cancelled.
        if (this.connections.byId(session.id) === session) this.#expiry.watch(session);
      },
      onChat: (chat: Chat, session: Session) => {
        logChat(chat);
        this.#parts.onChat?.(chat, session);
      },
    };
  }

  #welcomed(session: Session, announcement: Announcement): void {
    this.#announcements.opened(session, announcement);
    this.#parts.onWelcomed(session);
  }
}

/** The welcome was sent. Frames that arrived earlier are handled now. */
function startAnswering({ answering }: Session): void {
  answering?.onWelcomed();
}
