import type { Clock, Timer } from "../lib/clock.ts";
import type { Session } from "../session/session.ts";

/**
 * Whether the client of an ended connection is expected to reconnect. Either the server ended the connection because of its
 * age, to check whether its client is alive, or to move it. Or the client left by itself after the notice that this worker
 * drains.
 */
export function isExpectedToReconnect({ closed }: Session, isDraining: boolean): boolean {
  return isDraining || closed?.name === "going-away" || closed?.name === "restarting";
}

/**
 * How long to wait for the counterpart: for a client to reconnect, or for the end of its former connection to be noticed.
 * The same time as a presence remains without a connection. Milliseconds.
 */
const moveMs = 3000;

/** Dependencies and callbacks of `Moves`. */
export interface MovesParts {
  readonly clock: Clock;
  /**
   * Resolves once everything that the other workers did before the call is known here. Undefined if there are no others.
   */
  settled(): Promise<void> | undefined;
  /** A client did not reconnect. */
  onGone(): void;
  /** A client that said that it was connected before was not. @param session the new session, if it is on this worker */
  onNew(session: Session | undefined): void;
}

/** Connections for which the counterpart is still unknown, oldest first. */
interface Half {
  readonly waiting: { readonly dueAt: number; readonly session: Session | undefined }[];
  announce(session: Session | undefined): void;
  timer: Timer | undefined;
}

/**
 * Pairs connections that the server ended, whose clients should reconnect, with clients that reconnect. A pair is not
 * announced, because nobody joined or left. Announcements contain no names, so it does not matter whether both belong to
 * the same client.
 *
 * The two halves of a pair may be on different workers, and a busy worker reports late. So a half that found no counterpart
 * in time is announced only once the other workers have reported everything they did until then.
 */
export class Moves {
  readonly #parts: MovesParts;
  readonly #ended: Half;
  readonly #resumed: Half;
  #isClosed = false;

  constructor(parts: MovesParts) {
    this.#parts = parts;
    this.#ended = { waiting: [], announce: () => parts.onGone(), timer: undefined };
    this.#resumed = { waiting: [], announce: (session) => parts.onNew(session), timer: undefined };
  }

  /** The server ended a connection so that its client reconnects. */
  ended(): void {
    this.#match(this.#ended, this.#resumed, undefined);
  }

  /** A client reconnected. @param session as for `onNew` */
  resumed(session?: Session): void {
    this.#match(this.#resumed, this.#ended, session);
  }

  close(): void {
    this.#isClosed = true;
    for (const { timer } of [this.#ended, this.#resumed]) timer?.cancel();
  }

  #match(own: Half, opposite: Half, session: Session | undefined): void {
    if (opposite.waiting.shift() !== undefined) return;
    own.waiting.push({ dueAt: this.#parts.clock.monotonic() + moveMs, session });
    this.#arm(own);
  }

  #arm(half: Half): void {
    const [first] = half.waiting;
    if (half.timer !== undefined || first === undefined || this.#isClosed) return;
    const waitMs = Math.max(0, first.dueAt - this.#parts.clock.monotonic());
    half.timer = this.#parts.clock.setTimeout(() => this.#settle(half), waitMs);
  }

  /** Entries that are due by now may still find their counterpart in the reports of the other workers. */
  #settle(half: Half): void {
    const now = this.#parts.clock.monotonic();
    const settled = this.#parts.settled();
    if (settled === undefined) this.#announceDue(half, now);
    else void settled.then(() => this.#announceDue(half, now));
  }

  #announceDue(half: Half, now: number): void {
    if (this.#isClosed) return;
    half.timer = undefined;
    for (let [first] = half.waiting; first !== undefined && first.dueAt <= now; [first] = half.waiting) {
      half.waiting.shift();
      half.announce(first.session);
    }
    this.#arm(half);
  }
}
