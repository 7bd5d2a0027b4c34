import type { ChannelName } from "../../protocol/channel-name.ts";
import { errorTable, ServiceError } from "../../protocol/errors.ts";
import type { ClientFrame } from "../../protocol/frames.ts";
import type { Draft } from "../../protocol/publication.ts";
import type { Identity } from "../auth/identity.ts";
import { TokenRefusal } from "../auth/token-refusal.ts";
import type { Published } from "../broker/broker.ts";
import { bytesOf } from "../broker/cost-of.ts";
import type { Clock } from "../lib/clock.ts";
import type { AuditTrail } from "../limits/audit-trail.ts";
import type { Membership, Session } from "../session/session.ts";
import type { Recorder } from "../trace/recorder.ts";
import type { Coverage, Gap } from "../trace/records.ts";
import type { Handshake } from "./handshake.ts";

/** Where the records of the sessions go. */
export interface RecordTargets {
  readonly recorder: Recorder;
  readonly audit: Pick<AuditTrail, "record">;
}

/** Records what happens to the sessions of a worker, for traces, live tails and the audit trail. */
export class SessionRecords {
  readonly #recorder: Recorder;
  readonly #audit: Pick<AuditTrail, "record">;
  readonly #clock: Pick<Clock, "now" | "monotonic">;

  constructor({ recorder, audit }: RecordTargets, clock: Pick<Clock, "now" | "monotonic">) {
    this.#recorder = recorder;
    this.#audit = audit;
    this.#clock = clock;
  }

  welcomed(session: Session): void {
    const { feed } = this.#recorder;
    if (feed.isWatched) feed.report({ kind: "connected", ...aboutSession(session) });
  }

  /** Its socket was closed. Called while it still has its memberships. */
  ended(session: Session): void {
    const { journal, feed } = this.#recorder;
    const { id, userId, origin, closed, isBlocked, memberships } = session;
    journal.ended({
      connection: id,
      user: userId,
      remote: origin.remote,
      connectedAt: this.#clock.monotonic() - (this.#clock.now() - origin.connectedAt),
      closed: closed?.name,
      wasFull: isBlocked,
      channels: Array.from(memberships, (it) => ({ channel: it.channel.name, ...coverageOf(it) })),
    });
    if (feed.isWatched) {
      feed.report({
        kind: "disconnected",
        ...aboutSession(session),
        reason: closed?.name ?? "its client left or the network broke",
      });
    }
  }

  subscribed(session: Session, channel: ChannelName): void {
    const { feed } = this.#recorder;
    if (feed.isWatched) feed.report({ kind: "subscribed", channel, ...aboutSession(session) });
  }

  unsubscribed(membership: Membership, by: "client" | "token"): void {
    const { journal, feed } = this.#recorder;
    const { session } = membership;
    const channel = membership.channel.name;
    journal.noted(session.id, { kind: "left", channel, by, ...coverageOf(membership) });
    if (feed.isWatched) feed.report({ kind: "unsubscribed", channel, ...aboutSession(session) });
  }

  /** One session was told by a gap that it cannot receive publications. */
  readonly onGap = (session: Session, channel: ChannelName, gap: Gap): void => {
    const { journal, feed } = this.#recorder;
    journal.noted(session.id, { kind: "gap", channel, ...gap });
    if (feed.isWatched) feed.report({ kind: "gap", channel, ...aboutSession(session), reason: textOf(gap) });
  };

  /** All sessions in a channel were told so. */
  readonly onChannelGap = (channel: ChannelName, gap: Gap): void => {
    const { journal, feed } = this.#recorder;
    journal.lost(channel, gap);
    if (feed.isWatched) feed.report({ kind: "gap", channel, reason: textOf(gap) });
  };

  /** A channel was refused to a session, at its handshake or later. */
  refusedChannel(session: Session, channel: ChannelName, { code, message: reason }: ServiceError): void {
    this.#recorder.journal.noted(session.id, { kind: "refused", channel, code, reason });
    this.#recorder.refused({ what: "command", action: "subscribe", code, reason, channel, ...aboutSession(session) });
  }

  /** @param frame undefined if the client's text is not a frame */
  refusedCommand(session: Session, frame: ClientFrame | undefined, error: ServiceError): void {
    const channel = frame !== undefined && "channel" in frame ? frame.channel : undefined;
    if (frame?.type === "subscribe" && channel !== undefined) {
      this.refusedChannel(session, channel, error);
      return;
    }
    const { code, message: reason } = error;
    const id = frame?.type === "publish" ? frame.id : undefined;
    const action = frame?.type ?? "a frame";
    this.#recorder.refused({ what: "command", action, code, reason, channel, id, ...aboutSession(session) });
    if (frame?.type === "auth") this.#auditToken(session, error);
  }

  /** A token that a client sent over its connection was refused. Tokens of handshakes are audited as HTTP requests. */
  #auditToken({ userId, origin }: Session, { code }: ServiceError): void {
    const { status } = errorTable[code];
    // Others are not about the token, such as a rate limit or keys that cannot be read.
    if (status !== 401 && status !== 403) return;
    const who = userId === undefined ? "unknown" : `user ${userId}`;
    this.#audit.record({ action: "auth", who, from: origin.remote, result: String(status) });
  }

  /** @param identity undefined if it is not known */
  refusedConnection(handshake: Handshake, identity: Identity | undefined, error: unknown): void {
    if (!(error instanceof ServiceError)) return; // a bug, which is logged with its stack
    const { code, message: reason } = error;
    const { remote, userId } = handshake;
    const claimed = error instanceof TokenRefusal ? error.userId : undefined;
    const user = identity?.userId ?? claimed ?? (userId === "" ? undefined : userId);
    this.#recorder.refused({ what: "connection", action: "connect", code, reason, remote, user }, error);
  }

  published(draft: Draft, { id, position, duplicate }: Published): void {
    const { feed } = this.#recorder;
    if (!feed.isWatched || duplicate) return;
    const { channel, sender: user } = draft;
    feed.report({ kind: "published", channel, id, offset: position?.offset, bytes: bytesOf(draft), user });
  }
}

function aboutSession({ id, userId, origin }: Session) {
  return { connection: id, user: userId, remote: origin.remote };
}

function coverageOf({ channel, after, cursor }: Membership): Coverage {
  return { epoch: channel.epoch, after, cursor };
}

function textOf({ from, to, reason }: Gap): string {
  return `${reason}: offsets ${from} to ${to}`;
}
