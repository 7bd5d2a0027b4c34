import type { ChannelName } from "../../protocol/channel-name.ts";
import type { CloseReason } from "../../protocol/close-codes.ts";
import type { ServerFrame } from "../../protocol/frames.ts";
import type { Connection } from "./connection.ts";
import type { Membership } from "./membership.ts";
import type { Batch } from "./push.ts";

/** Who a session is and how it came. */
export interface SessionOrigin {
  /** Public name of the connection, `c_…`. */
  readonly id: string;
  /** A secret that lets a later connection continue this one. */
  readonly resumeKey: string;
  readonly userId: string | undefined;
  /** Address and port of the other side, for people: `127.0.0.1:52341`. */
  readonly remote: string;
  /** Milliseconds since 1970. */
  readonly connectedAt: number;
}

/** One client's state: who it is, its cursors, and what leaves for it in the next write. */
export class Session {
  readonly origin: SessionOrigin;
  readonly connection: Connection;
  readonly memberships = new Map<ChannelName, Membership>();
  /** What the flush that is running has gathered for it; empty between flushes. */
  readonly outbox: Batch[] = [];
  /** The socket has no room: nothing is pumped before it drains. */
  isBlocked = false;
  /** Its welcome was sent; before that it is in no channel and gets no notice. */
  isWelcomed = false;
  #closed: CloseReason | undefined;

  constructor(origin: SessionOrigin, connection: Connection) {
    this.origin = origin;
    this.connection = connection;
  }

  get id(): string {
    return this.origin.id;
  }

  get userId(): string | undefined {
    return this.origin.userId;
  }

  /** How the server said goodbye, if it did. */
  get closed(): CloseReason | undefined {
    return this.#closed;
  }

  /** A frame beside the publications. What a full socket cannot take is only ever refused beyond its hard limit. */
  tell(frame: ServerFrame): void {
    if (this.#closed !== undefined) return;
    const form = this.connection.wireForm;
    const encoded = form.frame(frame);
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

  /** The first reason stands. The owner's `onClose` follows in a turn of its own. */
  close(reason: CloseReason): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.connection.close(reason);
  }
}
