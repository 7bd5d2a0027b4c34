import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { CloseReason } from "../../protocol/close-codes.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Identity } from "../auth/identity.ts";
import type { Account } from "../limits/account.ts";
import type { Batch } from "./batch.ts";
import type { ChannelView } from "./channel-view.ts";
import type { Connection, ConnectionOwner, StallCause } from "./connection.ts";
import { Memberships } from "./memberships.ts";
import { type PackedAddresses, packAddresses, type SessionOrigin, unpackAddresses } from "./session-origin.ts";
import type { Encoded } from "./wire-form.ts";

const log = () => getLogger(["fanfare", "session"]);

/** Callbacks of sessions to their hub. One object for all: a function per session would be a tenth of an idle connection. */
export interface SessionEvents {
  /** See ConnectionOwner. */
  onDrain(session: Session): void;
  onStall(session: Session, cause: StallCause): void;
  /** A frame has filled the socket. */
  onFull(session: Session): void;
}

/** Answers the commands of one session, in order. */
export interface Answering {
  /** The welcome was sent. */
  onWelcomed(): void;
  /** The socket has room again. */
  onRoom(): void;
  /** The session has ended. */
  onEnd(): void;
}

/** Fields that a session needs only once its client sends commands, does not read, or is disconnected. */
interface Occurrences {
  account: Account | undefined;
  answering: Answering | undefined;
  missedPresence: Set<ChannelName> | undefined;
  closed: CloseReason | undefined;
}

/**
 * The state of one client: who it is, its cursors, and what the next write sends. There is one for each idle connection,
 * and the engine's objects have room for eight fields, then for twelve.
 */
export class Session implements ConnectionOwner {
  /** Public name of the connection, `c_…`. */
  readonly id: string;
  readonly connection: Connection;
  /** Who it is and what it may do. A new token for the same user replaces it. */
  identity: Identity;
  readonly memberships = new Memberships<Membership>();
  /** The batches of the running flush; empty between flushes. Created by the first flush of several channels. */
  outbox: Batch[] | undefined;
  /** The socket has no room: nothing is pumped and no command is answered until it drains. */
  isBlocked = false;
  /** Set by the hub. */
  events: SessionEvents | undefined;
  /** The welcome was sent. Before that the session is in no channel and receives no notices. */
  isWelcomed = false;
  readonly #addresses: PackedAddresses;
  readonly #connectedAt: number;
  /** The earlier connection, or whether the client says that it was here before. */
  readonly #former: string | boolean;
  #occurrences: Occurrences | undefined;

  constructor(origin: SessionOrigin, identity: Identity, connection: Connection) {
    this.id = origin.id;
    this.#addresses = packAddresses(origin);
    this.#connectedAt = origin.connectedAt;
    this.#former = origin.formerId ?? origin.resumes ?? false;
    this.identity = identity;
    this.connection = connection;
  }

  /** Made on each request: an object for each session and its two texts would take 180 bytes of an idle connection. */
  get origin(): SessionOrigin {
    const former = this.#former;
    return {
      id: this.id,
      ...unpackAddresses(this.#addresses),
      connectedAt: this.#connectedAt,
      resumes: former !== false,
      ...(typeof former === "string" ? { formerId: former } : {}),
    };
  }

  get userId(): string | undefined {
    return this.identity.userId;
  }

  /** The budgets to which its commands are charged. Set when it sends the first one. */
  get account(): Account | undefined {
    return this.#occurrences?.account;
  }

  set account(account: Account | undefined) {
    this.#occurred.account = account;
  }

  /** Answers its commands. Set when it sends the first one. */
  get answering(): Answering | undefined {
    return this.#occurrences?.answering;
  }

  set answering(answering: Answering | undefined) {
    this.#occurred.answering = answering;
  }

  /** Channels whose presence events it was not sent because its socket was full. */
  get missedPresence(): Set<ChannelName> | undefined {
    return this.#occurrences?.missedPresence;
  }

  set missedPresence(channels: Set<ChannelName> | undefined) {
    this.#occurred.missedPresence = channels;
  }

  /** The reason with which the server closed it, if it did. */
  get closed(): CloseReason | undefined {
    return this.#occurrences?.closed;
  }

  /** Whether it is level in all its channels. */
  get isLevel(): boolean {
    for (let it = this.memberships.first; it !== undefined; it = it.next) if (!it.isLevel) return false;
    return true;
  }

  /** Sends a frame other than a publication. */
  sendFrame(frame: ServerFrame): void {
    this.sendEncoded(this.connection.wireForm.frame(frame));
  }

  /**
   * The same for an encoded frame. Callers that send many check `isBlocked` first: a frame beyond the connection's hard
   * limit closes it.
   */
  sendEncoded(encoded: Encoded): void {
    this.sendParts([encoded]);
  }

  /** Sends several encoded frames in one write. */
  sendParts(parts: readonly Encoded[]): void {
    if (this.closed !== undefined) return;
    const form = this.connection.wireForm;
    const [first = []] = parts;
    const isReady = !form.carriesCursor && parts.length === 1;
    const outcome = this.connection.send(isReady ? first : form.join(parts, form.carriesCursor ? this.cursor() : ""));
    if (outcome === "refused") this.close({ name: "too-slow" });
    else if (outcome === "full") this.events?.onFull(this);
  }

  onDrain(): void {
    this.events?.onDrain(this);
  }

  onStall(cause: StallCause): void {
    this.events?.onStall(this, cause);
  }

  /** The positions in all its channels as one text, for wire forms that carry it. */
  cursor(): string {
    let text = "";
    for (let it = this.memberships.first; it !== undefined; it = it.next) {
      text += text === "" ? it.cursorText : `,${it.cursorText}`;
    }
    return text;
  }

  /** The first reason is kept. The owner is notified in a later turn. */
  close(reason: CloseReason): void {
    if (this.closed !== undefined) return;
    this.#occurred.closed = reason;
    this.connection.close(reason, this.connection.wireForm.carriesCursor ? this.cursor() : "");
  }

  /** Like `close`, but frees the connection's buffer at once. */
  drop(reason: CloseReason): void {
    if (this.closed !== undefined) return;
    this.#occurred.closed = reason;
    this.connection.drop(reason);
  }

  /**
   * An error in this process left the session in an unknown state. It is closed with 1011, and its client resumes from its
   * own position.
   */
  fail(error: unknown): void {
    if (this.closed !== undefined) return;
    log().error("Connection {id} was closed because of an internal error: {error}", { id: this.id, error });
    try {
      const reason: CloseReason = { name: "internal" };
      this.#occurred.closed = reason;
      // Without the cursor, which may include publications that were not written.
      this.connection.close(reason);
    } catch (cause) {
      log().error("Connection {id} could not be closed: {error}", { id: this.id, error: cause });
    }
  }

  get #occurred(): Occurrences {
    this.#occurrences ??= { account: undefined, answering: undefined, missedPresence: undefined, closed: undefined };
    return this.#occurrences;
  }
}

/** Where a membership is that lags. */
export interface Lag {
  /** The last offset that the session was sent. */
  cursor: number;
  /** A page of history is being fetched for it; it must not be pumped meanwhile. */
  isFetching: boolean;
  /** The last offset that it catches up with because it joined with `since`. Those bytes are charged to the client. */
  catchesUpTo: number;
  /** The bytes that did not fit into the buffers when they were to be sent; 0 otherwise. */
  neededBytes: number;
}

/** The slot of a membership that is over. */
const overSlot = -2;

function makeLag(cursor: number, catchesUpTo: number): Lag {
  return { cursor, isFetching: false, catchesUpTo, neededBytes: 0 };
}

/**
 * A session in one channel: a cursor that is level (it receives the next batch) or lagging (it is pumped from history).
 *
 * Invariant: everything up to the cursor was handed to the connection or announced as a gap, and nothing beyond it was. A
 * level cursor equals `channel.flushed` and is not written per flush. Only a membership that lags has a `Lag`: there is one
 * membership or more for each idle connection, and the engine's objects have room for eight fields, then for twelve.
 */
export class Membership {
  /** See Memberships. */
  next: Membership | undefined;
  readonly session: Session;
  readonly channel: ChannelView;
  /** Milliseconds since 1970. */
  readonly joinedAt: number;
  /** Its index in the channel's list of level members, maintained by that list; -1 while it lags, -2 once it is over. */
  slot = -1;
  /** The offset of the channel's current epoch after which it began. Delivery does not change it. */
  after: number;
  /** Whether it continued from a position with nothing missing; undefined if it began with live messages. */
  recovered: boolean | undefined;
  #lag: Lag | undefined;

  constructor(session: Session, channel: ChannelView, cursor: number, joinedAt = 0) {
    this.session = session;
    this.channel = channel;
    this.joinedAt = joinedAt;
    this.after = cursor;
    if (cursor !== channel.flushed) this.#lag = makeLag(cursor, channel.flushed);
  }

  /** The session has left. Code that still holds the membership must skip it. */
  get isOver(): boolean {
    return this.slot === overSlot;
  }

  get isLevel(): boolean {
    return this.slot >= 0;
  }

  /** The last offset that this session was sent. */
  get cursor(): number {
    return this.#lag === undefined ? this.channel.flushed : this.#lag.cursor;
  }

  /** Only for a membership that lags: a level cursor moves with its channel. */
  get lag(): Lag {
    this.#lag ??= makeLag(this.channel.flushed, 0);
    return this.#lag;
  }

  moveTo(offset: number): void {
    this.lag.cursor = offset;
  }

  /** For the channel's list: it is level from now on, at this index. */
  levelAt(slot: number): void {
    this.slot = slot;
    this.#lag = undefined;
  }

  end(): void {
    this.slot = overSlot;
  }

  /** This channel's part of the session's cursor. */
  get cursorText(): string {
    return this.#lag === undefined ? this.channel.levelCursor : this.channel.cursorPrefix + this.#lag.cursor;
  }
}
