import { getLogger } from "@logtape/logtape";
import type { ChannelName } from "../../protocol/channel-name.ts";
import type { CloseReason } from "../../protocol/close-codes.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Identity } from "../auth/identity.ts";
import type { Batch } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { Memberships } from "./memberships.ts";
import type { Encoded } from "./wire-form.ts";

const log = () => getLogger(["fanfare", "session"]);

/** How a session came. */
export interface SessionOrigin {
  /** Public name of the connection, `c_…`. */
  readonly id: string;
  /** The address it is counted under. */
  readonly ip: string;
  /** Address and port of the other side, for people: `127.0.0.1:52341`. */
  readonly remote: string;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
}

/** Answers the commands of one session, in their order. */
export interface Answering {
  /** The socket has room again. */
  onRoom(): void;
  /** The session is over. */
  onEnd(): void;
}

/** One client's state: who it is, its cursors, and what leaves for it in the next write. */
export class Session {
  readonly origin: SessionOrigin;
  readonly connection: Connection;
  /** Who it is and what it may; a new token for the same user replaces it. */
  identity: Identity;
  readonly memberships = new Memberships<Membership>();
  /** What the flush that is running has gathered for it; empty between flushes. */
  readonly outbox: Batch[] = [];
  /** The socket has no room: nothing is pumped, and no command is answered, before it drains. */
  isBlocked = false;
  /** Set by the owner: a frame has filled the socket. */
  onFull: () => void = () => undefined;
  /** Whoever answers its commands. */
  answering: Answering | undefined;
  /** Its welcome was sent; before that it is in no channel and gets no notice. */
  isWelcomed = false;
  /**
   * Set by the transport where a user may have one connection only. Called when a newcomer was refused because of this one:
   * if the other side is gone, that has to be noticed soon.
   */
  onDoubted: (() => void) | undefined;
  #closed: CloseReason | undefined;

  constructor(origin: SessionOrigin, identity: Identity, connection: Connection) {
    this.origin = origin;
    this.identity = identity;
    this.connection = connection;
  }

  get id(): string {
    return this.origin.id;
  }

  get userId(): string | undefined {
    return this.identity.userId;
  }

  /** How the server said goodbye, if it did. */
  get closed(): CloseReason | undefined {
    return this.#closed;
  }

  /** Whether every channel of it gets the next batch. */
  get isLevel(): boolean {
    for (const membership of this.memberships) if (!membership.isLevel) return false;
    return true;
  }

  /** A frame beside the publications. */
  sendFrame(frame: ServerFrame): void {
    this.sendEncoded(this.connection.wireForm.frame(frame));
  }

  /**
   * The same for a frame that is encoded already. Whoever sends many looks at `isBlocked` first: a frame beyond the
   * connection's hard limit ends it.
   */
  sendEncoded(encoded: Encoded): void {
    if (this.#closed !== undefined) return;
    const form = this.connection.wireForm;
    const outcome = this.connection.send(form.carriesCursor ? form.join([encoded], this.cursor()) : encoded);
    if (outcome === "refused") this.close({ name: "too-slow" });
    else if (outcome === "full") this.onFull();
  }

  /** Positions in all its channels as one text, for wire forms that carry it. */
  cursor(): string {
    let text = "";
    for (const membership of this.memberships) {
      text += text === "" ? membership.cursorText : `,${membership.cursorText}`;
    }
    return text;
  }

  /** The first reason stands. The owner hears of the end in a turn of its own. */
  close(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.connection.close(reason, this.connection.wireForm.carriesCursor ? this.cursor() : "");
  }

  /** The same, but frees what waits in the connection at once. */
  drop(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.connection.drop(reason);
  }

  /**
   * Something went wrong in this process on the session's behalf, so it is not known what it was given. It is closed with
   * 1011, and resumes where its client is.
   */
  fail(error: unknown): void {
    if (this.#closed !== undefined) return;
    log().error("A fault ends connection {id}: {error}", { id: this.id, error });
    try {
      this.#closed = { name: "internal" };
      // Without its cursor: that may claim what was not written.
      this.connection.close(this.#closed);
    } catch (cause) {
      log().error("Connection {id} cannot be closed: {error}", { id: this.id, error: cause });
    }
  }
}

/** What a cursor needs to know of its channel. */
export interface ChannelView {
  readonly name: ChannelName;
  readonly epoch: string;
  /** The last offset that was sent out to level sessions. */
  readonly flushed: number;
  /** The channel's part of a session's cursor for a level session, `room~k3x9~17`; changes once per flush. */
  readonly levelCursor: string;
  /** The same without the offset. */
  readonly cursorPrefix: string;
}

/**
 * A session in one channel: a cursor that is level (it gets the next batch) or lagging (it is pumped from history).
 *
 * Invariant: everything up to the cursor was handed to the connection or announced as a gap, nothing beyond it was. A
 * level cursor equals `channel.flushed` and is not written per flush.
 */
export class Membership {
  readonly session: Session;
  readonly channel: ChannelView;
  /** Where it stands in its channel's list of level members; -1 while it lags. Kept by that list. */
  slot = -1;
  /** A page of history is on its way to it: nobody else may pump it. */
  isFetching = false;
  /** It left: whoever still holds it lets go. */
  isOver = false;
  #cursor: number;

  constructor(session: Session, channel: ChannelView, cursor: number) {
    this.session = session;
    this.channel = channel;
    this.#cursor = cursor;
  }

  get isLevel(): boolean {
    return this.slot >= 0;
  }

  /** The last offset that this session was given. */
  get cursor(): number {
    return this.isLevel ? this.channel.flushed : this.#cursor;
  }

  /** Only while lagging: a level cursor moves with its channel. */
  moveTo(offset: number): void {
    this.#cursor = offset;
  }

  /** Its part of the session's cursor text. */
  get cursorText(): string {
    return this.isLevel ? this.channel.levelCursor : this.channel.cursorPrefix + this.#cursor;
  }
}
