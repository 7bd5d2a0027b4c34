import type { ChannelName } from "../../protocol/channel-name.ts";
import type { Draft } from "../../protocol/publication.ts";
import type { Access } from "../auth/access.ts";
import type { Broker, Published } from "../broker/broker.ts";
import type { HistoryRules } from "../broker/log.ts";
import type { Peers } from "../cluster/peers.ts";
import type { DeliverySettings } from "../delivery/delivery.ts";
import type { Clock } from "../lib/clock.ts";
import type { MemoryGuard } from "../limits/memory-guard.ts";
import type { BudgetSettings } from "../limits/rates.ts";
import type { PresenceStore } from "../presence/presence-store.ts";
import type { BacklogLimits } from "../session/backlog.ts";
import type { Session } from "../session/session.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Chat } from "./commands/dependencies.ts";
import type { PresenceReport } from "./presence.ts";
import type { ReceptionSettings } from "./reception.ts";
import type { ResumeKeys } from "./resume-keys.ts";
import type { SessionRecords } from "./session-records.ts";

export interface HubSettings extends DeliverySettings, ReceptionSettings, BacklogLimits, BudgetSettings {
  /** How many connections a channel's presence can list, where joins and leaves are announced. */
  readonly presenceSize: number;
  /** Memory that the presences of this process may take, over all channels. */
  readonly presenceBytes: number;
}

/** The parts of a hub. */
export interface HubParts {
  readonly broker: Broker;
  readonly peers: Peers;
  readonly resumeKeys: ResumeKeys;
  readonly access: Access;
  readonly historyRules: (channel: ChannelName) => HistoryRules;
  readonly presenceStore: PresenceStore;
  /** Whether the clients in a channel are told who joins and leaves. */
  readonly hasPresenceEvents: (channel: ChannelName) => boolean;
  readonly records: SessionRecords;
  readonly clock: Clock;
  /** Told of joins and leaves, once in the whole server. */
  readonly presenceReport?: PresenceReport | undefined;
  /** Refuses new connections and publications while there is too little memory. */
  readonly memory?: Pick<MemoryGuard, "check">;
  /** Undefined if nothing is traced. */
  readonly tracing?: Pick<Tracing, "publish" | "delivered"> | undefined;
  /** Called when a session was welcomed, after the hub itself has handled it. */
  readonly onWelcomed: (session: Session) => void;
  /** Called when a welcomed session has ended. */
  readonly onLeft?: (session: Session) => void;
  /** Called when a chat message has been stored. */
  readonly onChat?: (chat: Chat, session: Session) => void;
  /** Called on the worker that published it, when it is stored or sent for the first time. Must not throw. */
  readonly onPublished?: ((draft: Draft, published: Published) => void) | undefined;
}
