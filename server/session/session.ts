import type { ChannelName } from "../../protocol/channel-name.ts";
import type { CloseReason } from "../../protocol/close-codes.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Identity } from "../auth/identity.ts";
import type { Connection } from "./connection.ts";
import type { Membership } from "./membership.ts";
import type { Batch } from "./push.ts";
import type { Encoded } from "./wire-form.ts";

/** How a session came. */
export interface SessionOrigin {
  /** Public name of the connection, `c_…`. */
  readonly id: string;
  /** A secret that lets a later connection continue this one. */
  readonly resumeKey: string;
  /** Address and port of the other side, for people: `127.0.0.1:52341`. */
  readonly remote: string;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
}

/** One client's state: who it is, its cursors, and what leaves for it in the next write. */
export class Session {
  readonly origin: SessionOrigin;
  readonly connection: Connection;
  /** Who it is and what it may; a new token for the same user replaces it. */
  identity: Identity;
  readonly memberships = new Map<ChannelName, Membership>();
  /** What the flush that is running has gathered for it; empty between flushes. */
  readonly outbox: Batch[] = [];
  /** The socket has no room: nothing is pumped before it drains. */
  isBlocked = false;
  /** Its welcome was sent; before that it is in no channel and gets no notice. */
  isWelcomed = false;
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
    for (const membership of this.memberships.values()) if (!membership.isLevel) return false;
    return true;
  }

  /** A frame beside the publications. */
  tell(frame: ServerFrame): void {
    this.say(this.connection.wireForm.frame(frame));
  }

  /** The same for a frame that is encoded already. It is only ever refused beyond the connection's hard limit. */
  say(encoded: Encoded): void {
    if (this.#closed !== undefined) return;
    const form = this.connection.wireForm;
    const outcome = this.connection.send(form.carriesCursor ? form.join([encoded], this.cursor()) : encoded);
    if (outcome === "refused") this.close({ name: "too-slow" });
  }

  /** Positions in all its channels as one text, for wire forms that carry it. */
  cursor(): string {
    let text = "";
    for (const membership of this.memberships.values()) {
      text += text === "" ? membership.cursorText : `,${membership.cursorText}`;
    }
    return text;
  }

  /** The first reason stands. The owner hears of the end in a turn of its own. */
  close(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.connection.close(reason);
  }
}
